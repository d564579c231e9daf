package core

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// writer adds rows to what this storaged leads, as clients would, and counts how often it was refused.
type writer struct {
	mutex   sync.Mutex
	space   string
	every   time.Duration
	written int64
	refused int64
	// blocked is the longest time from a refusal to the next write that went through.
	blocked time.Duration
	since   time.Time
}

// writerState is what tests see of it.
type writerState struct {
	Space     string `json:"space"`
	EveryMs   int    `json:"everyMs"`
	Written   int64  `json:"written"`
	Refused   int64  `json:"refused"`
	BlockedMs int64  `json:"blockedMs"`
}

func (w *writer) state() writerState {
	return writerState{w.space, int(w.every.Milliseconds()), w.written, w.refused, w.blocked.Milliseconds()}
}

func (s *Storaged) writeOn() {
	w := &s.writer
	for number := 0; ; number++ {
		w.mutex.Lock()
		space, every := w.space, w.every
		w.mutex.Unlock()
		if space == "" || every == 0 {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		s.writeOnce(space, number)
		time.Sleep(every)
	}
}

func (s *Storaged) writeOnce(name string, number int) {
	s.mutex.Lock()
	requests := []writeRequest{}
	if space := s.spaceByName(name); space != nil {
		tags := SpaceIDs(s.catalog.Tags[space.id])
		for _, id := range SpaceIDs(space.parts) {
			if space.parts[id].leads && len(tags) > 0 {
				vid := fmt.Sprintf("w%d-%d-%x", id, number, time.Now().UnixNano()&0xffff)
				row := Row{Part: id, Vid: vid, Schema: tags[0], Value: fmt.Sprint("written ", number)}
				requests = append(requests, writeRequest{Space: space.id, Part: id, Rows: []Row{row}})
			}
		}
	}
	s.mutex.Unlock()
	w := &s.writer
	for _, request := range requests {
		code, err := s.write(request)
		w.mutex.Lock()
		switch {
		case err == nil && code == ok:
			w.written++
			if !w.since.IsZero() {
				w.blocked = max(w.blocked, time.Since(w.since))
				w.since = time.Time{}
			}
		default:
			w.refused++
			if w.since.IsZero() {
				w.since = time.Now()
			}
		}
		w.mutex.Unlock()
	}
}

// seedRequest fills the partitions that this storaged has: every copy gets the same rows.
type seedRequest struct {
	Space string `json:"space"`
	Rows  int    `json:"rows"`
	Seed  uint64 `json:"seed"`
}

func (s *Storaged) seed(in seedRequest) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	space := s.spaceByName(in.Space)
	if space == nil {
		return 0, nil
	}
	tags, edges := SpaceIDs(s.catalog.Tags[space.id]), SpaceIDs(s.catalog.Edges[space.id])
	written := 0
	for _, id := range SpaceIDs(space.parts) {
		random := rand.New(rand.NewPCG(in.Seed, uint64(id)))
		rows := []Row{}
		for number := range in.Rows {
			vid := fmt.Sprintf("v%d-%d-%d", id, in.Seed, number)
			value := make([]byte, 32)
			for index := range value {
				value[index] = byte(random.Uint32())
			}
			text := hex.EncodeToString(value)
			if len(tags) > 0 {
				rows = append(rows, Row{Part: id, Vid: vid, Schema: tags[number%len(tags)], Value: text})
			}
			if len(edges) > 0 {
				target := fmt.Sprintf("v%d-%d-%d", id, in.Seed, (number+1)%in.Rows)
				rows = append(rows, Row{Part: id, Vid: vid, Schema: edges[number%len(edges)], Target: target, Value: text[:16]})
			}
		}
		for group := range slices.Chunk(rows, 1000) {
			part := space.parts[id]
			part.last.Term = max(part.last.Term, 1)
			if err := s.apply(space, part, group, Log{part.last.ID + 1, part.last.Term}); err != nil {
				return written, err
			}
			written += len(group)
		}
	}
	return written, nil
}

// partSum is what a copy of a partition holds, without the record of its own log.
type partSum struct {
	Leads  bool   `json:"leads"`
	Rows   int    `json:"rows"`
	Sha256 string `json:"sha256"`
	Log    int64  `json:"log"`
}

func (s *Storaged) sums(name string) (map[int32]partSum, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found := map[int32]partSum{}
	space := s.spaceByName(name)
	if space == nil {
		return found, nil
	}
	for id, part := range space.parts {
		digest, rows := sha256.New(), 0
		for _, kind := range []byte{tagKey, edgeKey} {
			space.dbs[part.data].Each(partKey(kind, id), func(key, value []byte) bool {
				digest.Write(bytes.Join([][]byte{key, value}, []byte{0}))
				rows++
				return true
			})
		}
		found[id] = partSum{part.leads, rows, hex.EncodeToString(digest.Sum(nil)), part.last.ID}
	}
	return found, nil
}

func (s *Storaged) serveStorage(mux *http.ServeMux) {
	handle(mux, "/storage/write", s.write)
	handle(mux, "/storage/copy", s.write)
	handle(mux, "/storage/counts", s.counts)
}

func (s *Storaged) serveTests(mux *http.ServeMux) {
	handle(mux, "/test/seed", s.seed)
	handle(mux, "/test/rows", s.sums)
	handle(mux, "/test/beat", func(struct{}) (bool, error) { return s.beat(), nil })
	handle(mux, "/test/blocked", func(struct{}) (map[int32]bool, error) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		return s.blocked, nil
	})
	mux.HandleFunc("/test/writer", func(out http.ResponseWriter, request *http.Request) {
		w := &s.writer
		if request.Method == http.MethodPost {
			state, err := decoded[writerState](request)
			if err != nil {
				http.Error(out, err.Error(), http.StatusBadRequest)
				return
			}
			w.mutex.Lock()
			w.space, w.every = state.Space, time.Duration(state.EveryMs)*time.Millisecond
			w.mutex.Unlock()
		}
		w.mutex.Lock()
		defer w.mutex.Unlock()
		answer(out, w.state())
	})
}
