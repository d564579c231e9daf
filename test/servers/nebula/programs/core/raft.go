package core

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// commitKey holds {index, term} beside the tables, as the meta part's own commit record.
var commitKey = []byte("\x00commit")

type commit struct {
	Index int64 `json:"index"`
	Term  int64 `json:"term"`
}

// raft elects a leader among the metads and copies the leader's writes: elections, terms and quorums are
// real; there is no log to replay, a metad that fell behind gets everything (as a raft snapshot).
type raft struct {
	mutex    sync.Mutex
	db       *DB
	self     Addr
	peers    []Addr
	rank     int
	wal      *wal
	term     int64
	voted    int64
	index    int64
	leader   *Addr
	deadline time.Time
	heard    time.Time
	writing  sync.Mutex
	quiet    time.Time
	closed   bool
}

const (
	beat    = 100 * time.Millisecond
	timeout = 700 * time.Millisecond
)

func newRaft(db *DB, self Addr, metads []Addr, walFolder string) (*raft, error) {
	r := &raft{db: db, self: self}
	for rank, addr := range metads {
		if addr == self {
			r.rank = rank
		} else {
			r.peers = append(r.peers, addr)
		}
	}
	var last commit
	if text := db.Get(commitKey); text != nil {
		if err := json.Unmarshal(text, &last); err != nil {
			return nil, err
		}
	}
	r.index, r.term = last.Index, last.Term
	wal, err := openWal(walFolder)
	r.wal = wal
	// Nobody leads yet: the first metad of the list need not wait for the others' patience.
	r.deadline = time.Now().Add(time.Duration(50+200*r.rank) * time.Millisecond)
	return r, err
}

func (r *raft) serve(mux *http.ServeMux) {
	handle(mux, "/raft/vote", r.vote)
	handle(mux, "/raft/append", r.append)
	handle(mux, "/raft/sync", r.sync)
	handle(mux, "/raft/go", func(struct{}) (struct{}, error) {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		r.quiet, r.deadline = time.Time{}, time.Now()
		return struct{}{}, nil
	})
	handle(mux, "/raft/quiet", func(millis int) (struct{}, error) {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		r.leader, r.quiet = nil, time.Now().Add(time.Duration(millis)*time.Millisecond)
		return struct{}{}, nil
	})
}

type voteRequest struct {
	Term, Index int64
	From        Addr
}
type voteAnswer struct {
	Granted bool
	Term    int64
}

func (r *raft) vote(in voteRequest) (voteAnswer, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	granted := in.Term > r.term && in.Term > r.voted && in.Index >= r.index
	if granted {
		r.voted = in.Term
		r.leader = nil
		r.deadline = time.Now().Add(r.patience())
	}
	return voteAnswer{granted, max(r.term, r.voted)}, nil
}

type appendRequest struct {
	Term, Previous, Index int64
	From                  Addr
	Ops                   []Op
}
type appendAnswer struct {
	Taken, Behind bool
	Term          int64
}

func (r *raft) append(in appendRequest) (appendAnswer, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if in.Term < r.term {
		return appendAnswer{Term: r.term}, nil
	}
	from := in.From
	r.term, r.leader, r.deadline = in.Term, &from, time.Now().Add(r.patience())
	if r.index < in.Previous {
		return appendAnswer{Behind: true, Term: r.term}, nil
	}
	if len(in.Ops) > 0 && r.index == in.Previous {
		if err := r.apply(in.Index, in.Ops); err != nil {
			return appendAnswer{}, err
		}
	}
	return appendAnswer{Taken: true, Term: r.term}, nil
}

type syncRequest struct {
	Term, Index int64
	From        Addr
	Pairs       []Op
}

// sync replaces everything by the leader's, where this metad is behind.
func (r *raft) sync(in syncRequest) (struct{}, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if in.Term < r.term || in.Index <= r.index {
		return struct{}{}, nil
	}
	ops := []Op{}
	r.db.Each(nil, func(key, _ []byte) bool {
		ops = append(ops, Op{Key: key})
		return true
	})
	r.term = in.Term
	return struct{}{}, r.apply(in.Index, append(ops, in.Pairs...))
}

// apply needs the mutex.
func (r *raft) apply(index int64, ops []Op) error {
	record, err := json.Marshal(commit{index, r.term})
	if err != nil {
		return err
	}
	if err := r.db.Apply(append(ops, Op{commitKey, record})); err != nil {
		return err
	}
	r.index = index
	text, _ := json.Marshal(ops)
	return r.wal.append(index, r.term, text)
}

func (r *raft) patience() time.Duration {
	return timeout + time.Duration(200*r.rank)*time.Millisecond
}

func (r *raft) quorum(count int) bool { return 2*count > len(r.peers)+1 }

// run votes and beats until it is closed.
func (r *raft) run() {
	for {
		r.mutex.Lock()
		if r.closed {
			r.mutex.Unlock()
			return
		}
		leads := r.leader != nil && *r.leader == r.self
		isDue := !leads && time.Now().After(r.deadline) && time.Now().After(r.quiet)
		r.mutex.Unlock()
		if leads {
			r.beat()
		} else if isDue {
			r.stand()
			continue
		}
		time.Sleep(beat)
	}
}

func (r *raft) stand() {
	r.mutex.Lock()
	term := max(r.term, r.voted) + 1
	r.voted, r.leader = term, nil
	request := voteRequest{term, r.index, r.self}
	r.deadline = time.Now().Add(r.patience())
	r.mutex.Unlock()
	count, highest := 1, term
	for _, got := range toAll[voteAnswer](r.peers, "/raft/vote", request, timeout/2) {
		if got.Granted {
			count++
		}
		highest = max(highest, got.Term)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if highest > term {
		r.voted = max(r.voted, highest)
	} else if r.quorum(count) && r.voted == term && r.leader == nil && time.Now().After(r.quiet) {
		self := r.self
		r.term, r.leader, r.heard = term, &self, time.Now()
		logf("leads in term %d", term)
	}
}

func (r *raft) beat() {
	r.mutex.Lock()
	request := appendRequest{Term: r.term, Previous: r.index, Index: r.index, From: r.self}
	r.mutex.Unlock()
	r.send(request)
}

// send gives whether a quorum took it; without one for a while, a leader no longer leads.
func (r *raft) send(request appendRequest) bool {
	count, behind := 1, []Addr{}
	for peer, got := range toAll[appendAnswer](r.peers, "/raft/append", request, timeout) {
		if got.Taken {
			count++
		} else if got.Behind {
			behind = append(behind, peer)
		}
	}
	for _, peer := range behind {
		if r.catchUp(peer) {
			count++
		}
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.quorum(count) {
		r.heard = time.Now()
		return true
	}
	if time.Since(r.heard) > timeout && r.leader != nil && *r.leader == r.self {
		logf("leads no longer: no quorum")
		r.leader, r.deadline = nil, time.Now().Add(r.patience())
	}
	return false
}

func (r *raft) catchUp(peer Addr) bool {
	r.mutex.Lock()
	all := syncRequest{Term: r.term, Index: r.index, From: r.self}
	r.db.Each(nil, func(key, value []byte) bool {
		all.Pairs = append(all.Pairs, Op{key, value})
		return true
	})
	r.mutex.Unlock()
	_, err := ask[struct{}](peer.Plus(1), "/raft/sync", all, 5*time.Second)
	return err == nil
}

// write copies to a quorum and then applies; false where this metad does not lead (any more).
func (r *raft) write(ops []Op) bool {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mutex.Lock()
	if r.leader == nil || *r.leader != r.self {
		r.mutex.Unlock()
		return false
	}
	request := appendRequest{r.term, r.index, r.index + 1, r.self, ops}
	r.mutex.Unlock()
	if !r.send(request) {
		return false
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.term != request.Term || r.index != request.Previous {
		return false
	}
	return r.apply(request.Index, ops) == nil
}

// state gives who leads, nobody during an election, and whether that is this metad.
func (r *raft) state() (Addr, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.leader == nil {
		return Addr{}, false
	}
	return *r.leader, *r.leader == r.self
}

// stepDown leaves the metads without a leader for a while, then lets one stand: `to`, or any.
func (r *raft) stepDown(to string, hold time.Duration) {
	silence := int((hold + 5*time.Second).Milliseconds())
	if to == "" {
		silence = int(hold.Milliseconds())
	}
	r.mutex.Lock()
	r.leader, r.quiet = nil, time.Now().Add(max(hold, 0)+2*time.Second)
	r.mutex.Unlock()
	toAll[struct{}](r.peers, "/raft/quiet", silence, timeout)
	logf("gave leadership up, to %q", to)
	if to != "" {
		go func() {
			time.Sleep(hold)
			if ParseAddr(to) == r.self {
				r.mutex.Lock()
				r.quiet, r.deadline = time.Time{}, time.Now()
				r.mutex.Unlock()
			} else {
				ask[struct{}](ParseAddr(to).Plus(1), "/raft/go", struct{}{}, timeout)
			}
		}()
	}
}

func (r *raft) close() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.closed = true
	r.wal.close()
}

func toAll[Out any](peers []Addr, path string, in any, limit time.Duration) map[Addr]Out {
	var mutex sync.Mutex
	var group sync.WaitGroup
	found := map[Addr]Out{}
	for _, peer := range peers {
		group.Add(1)
		go func() {
			defer group.Done()
			got, err := ask[Out](peer.Plus(1), path, in, limit)
			if err == nil {
				mutex.Lock()
				defer mutex.Unlock()
				found[peer] = got
			}
		}()
	}
	group.Wait()
	return found
}

// wal is a part's write-ahead log: files named by their first log id, as the daemons name them.
type wal struct {
	folder string
	file   *os.File
	size   int
}

const walFileSize = 256 << 10

func openWal(folder string) (*wal, error) {
	return &wal{folder: folder}, os.MkdirAll(folder, 0o755)
}

// append writes a record as the daemons do: id, term, length, cluster, message, length.
func (w *wal) append(id, term int64, message []byte) error {
	if w.file != nil && w.size >= walFileSize {
		w.roll()
	}
	if w.file == nil {
		path := filepath.Join(w.folder, fmt.Sprintf("%019d.wal", id))
		file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		w.file, w.size = file, 0
		w.prune()
	}
	record := binary.LittleEndian.AppendUint64(nil, uint64(id))
	record = binary.LittleEndian.AppendUint64(record, uint64(term))
	record = binary.LittleEndian.AppendUint32(record, uint32(len(message)))
	record = binary.LittleEndian.AppendUint64(record, 0)
	record = append(record, message...)
	record = binary.LittleEndian.AppendUint32(record, uint32(len(message)))
	w.size += len(record)
	_, err := w.file.Write(record)
	return err
}

// roll closes the newest file: what is in it does not change any more.
func (w *wal) roll() {
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}

// link puts the newest file into a checkpoint; no folder where the part has none.
func (w *wal) link(folder string) error {
	w.roll()
	newest := w.files()
	if len(newest) == 0 {
		return nil
	}
	name := newest[len(newest)-1]
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.Link(filepath.Join(w.folder, name), filepath.Join(folder, name))
}

func (w *wal) prune() {
	if files := w.files(); len(files) > 3 {
		for _, name := range files[:len(files)-3] {
			os.Remove(filepath.Join(w.folder, name))
		}
	}
}

func (w *wal) files() []string {
	found, _ := filepath.Glob(filepath.Join(w.folder, "*.wal"))
	for index := range found {
		found[index] = filepath.Base(found[index])
	}
	return found
}

func (w *wal) close() { w.roll() }
