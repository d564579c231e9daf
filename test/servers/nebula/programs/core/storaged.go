package core

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Storaged is one storaged: a RocksDB per space and data path, a WAL per partition.
type Storaged struct {
	Conf    Conf
	Release Release
	Faults  *Faults
	wire    Wire
	self    Addr
	root    string
	paths   []string
	walPath string
	metads  []Addr
	cluster string
	servers []net.Listener
	mutex   sync.Mutex
	spaces  map[int32]*space
	catalog catalog
	blocked map[int32]bool
	writer  writer
	closed  bool
}

// space is what this storaged has of a space.
type space struct {
	id    int32
	desc  SpaceDesc
	dbs   []*DB
	parts map[int32]*part
}

// part is this storaged's copy of a partition.
type part struct {
	id    int32
	peers []Addr
	leads bool
	data  int
	last  Log
	wal   *wal
}

func newStoraged(conf Conf, wire Wire) *Storaged {
	root, err := os.Getwd()
	if err != nil {
		fatal("%v", err)
	}
	s := &Storaged{
		Conf: conf, Release: parseRelease(conf.text("test_version", wire.Release)), wire: wire, root: root,
		self:    Addr{conf.text("local_ip", "127.0.0.1"), int32(conf.number("port", 9779))},
		paths:   conf.list("data_path"),
		walPath: conf["wal_path"],
		Faults:  &Faults{knows: wire.Knows},
		spaces:  map[int32]*space{}, blocked: map[int32]bool{},
	}
	for _, text := range conf.list("meta_server_addrs") {
		s.metads = append(s.metads, ParseAddr(text))
	}
	return s
}

func (s *Storaged) flags() Conf { return s.Conf }

func (s *Storaged) clusterFile() string { return s.Conf.text("cluster_id_path", "cluster.id") }

func (s *Storaged) run() error {
	if id, err := os.ReadFile(s.clusterFile()); err == nil && len(id) == 8 {
		s.cluster = strconv.FormatUint(binary.LittleEndian.Uint64(id), 10)
	}
	web := Addr{s.self.Host, int32(s.Conf.number("ws_http_port", 19779))}
	outer, err := serveWeb(web, s.Conf, s.Faults, func() string { return "running" }, s.serveTests)
	if err != nil {
		return err
	}
	// As the daemons: nothing is served before a metad took this storaged in.
	for !s.beat() {
		time.Sleep(100 * time.Millisecond)
	}
	mux := http.NewServeMux()
	s.serveStorage(mux)
	inner, err := serveHTTP(s.self.Plus(-2), mux)
	if err != nil {
		return err
	}
	admin, err := listen(s.self.Plus(-1))
	if err != nil {
		return err
	}
	// Its own port answers nothing but is open: graphds of ours ask on the internal one.
	own, err := listen(s.self)
	if err != nil {
		return err
	}
	s.servers = []net.Listener{inner, admin, own, outer}
	go serveConns(admin, func(conn net.Conn) { s.wire.ServeAdmin(conn, s) })
	go serveConns(own, func(conn net.Conn) { conn.Read(make([]byte, 1)) })
	go func() {
		for {
			time.Sleep(s.Conf.millis("test_heartbeat_ms", 10_000))
			s.beat()
		}
	}()
	go s.writeOn()
	return nil
}

func (s *Storaged) stop() {
	for _, server := range s.servers {
		server.Close()
	}
	s.mutex.Lock()
	s.closed = true
	for _, space := range s.spaces {
		for _, part := range space.parts {
			part.wal.close()
		}
		for _, db := range space.dbs {
			db.Close()
		}
	}
	// The mutex stays locked: whoever still wanted to write must not find closed databases.
}

// beat tells the leading metad of this storaged, and takes what it is told.
func (s *Storaged) beat() bool {
	row := HostRow{Addr: s.self, Role: "STORAGE", Root: s.root, Data: []string{}, Leaders: s.leaders()}
	for _, path := range s.paths {
		row.Data = append(row.Data, s.absolute(path))
	}
	for index, metad := range s.metads {
		got, err := ask[beatAnswer](metad.Plus(1), "/cluster/beat", beatRequest{s.cluster, row}, 5*time.Second)
		if err != nil {
			continue
		}
		switch got.Code {
		case ok:
			s.adopt(got)
			for _, later := range s.metads[index+1:] {
				go ask[beatAnswer](later.Plus(1), "/cluster/beat", beatRequest{got.Cluster, row}, time.Second)
			}
			return true
		case "E_WRONGCLUSTER":
			fatal("wrong cluster: %s says %s, the cluster is %s", s.clusterFile(), s.cluster, got.Cluster)
		case "E_LEADER_CHANGED":
		default:
			logf("heartbeat: %s", got.Code)
		}
	}
	return false
}

func (s *Storaged) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.root, path)
}

func (s *Storaged) leaders() map[string][]int32 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found := map[string][]int32{}
	for _, space := range s.spaces {
		for _, id := range SpaceIDs(space.parts) {
			if space.parts[id].leads {
				found[space.desc.Name] = append(found[space.desc.Name], id)
			}
		}
	}
	return found
}

func (s *Storaged) adopt(got beatAnswer) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		return
	}
	if s.cluster != got.Cluster {
		s.cluster = got.Cluster
		number, _ := strconv.ParseUint(got.Cluster, 10, 64)
		if err := os.WriteFile(s.clusterFile(), binary.LittleEndian.AppendUint64(nil, number), 0o644); err != nil {
			fatal("%v", err)
		}
	}
	s.catalog = got.Catalog
	for id, desc := range got.Catalog.Spaces {
		for number, peers := range got.Catalog.Parts[id] {
			if !slices.Contains(peers, s.self) {
				continue
			}
			if err := s.open(id, desc, number); err != nil {
				fatal("space %d: %v", id, err)
			}
			part := s.spaces[id].parts[number]
			part.peers = peers
			leads := s.firstOnline(peers) == s.self
			if leads && !part.leads {
				part.last.Term++
			}
			part.leads = leads
		}
	}
	for id := range s.spaces {
		if _, found := got.Catalog.Spaces[id]; !found {
			s.forget(id)
		}
	}
}

// firstOnline leads: there is no raft among these storageds. A minority leads nothing.
func (s *Storaged) firstOnline(peers []Addr) Addr {
	online := slices.DeleteFunc(slices.Clone(peers), func(peer Addr) bool {
		return peer != s.self && !s.catalog.Hosts[peer.String()]
	})
	if 2*len(online) <= len(peers) {
		return Addr{}
	}
	return online[0]
}

func (s *Storaged) forget(id int32) {
	for _, part := range s.spaces[id].parts {
		part.wal.close()
	}
	for _, db := range s.spaces[id].dbs {
		db.Close()
	}
	// The folder stays, as it does without --auto_remove_invalid_space.
	delete(s.spaces, id)
}

func (s *Storaged) spaceFolder(data int, id int32, more ...string) string {
	return filepath.Join(append([]string{s.paths[data], "nebula", strconv.Itoa(int(id))}, more...)...)
}

// walFolder is below wal_path where that is set, else below the data path of the partition.
func (s *Storaged) walFolder(data int, id int32, more ...string) string {
	if s.walPath == "" {
		return s.spaceFolder(data, id, more...)
	}
	return filepath.Join(append([]string{s.walPath, "nebula", strconv.Itoa(int(id))}, more...)...)
}

func (s *Storaged) open(id int32, desc SpaceDesc, number int32) error {
	if s.spaces[id] == nil {
		opened := &space{id: id, desc: desc, parts: map[int32]*part{}}
		for data := range s.paths {
			folder := s.spaceFolder(data, id, "data")
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			db, err := OpenDB(folder)
			if err != nil {
				return err
			}
			opened.dbs = append(opened.dbs, db)
		}
		s.spaces[id] = opened
	}
	space := s.spaces[id]
	if space.parts[number] != nil {
		return nil
	}
	opened := &part{id: number, data: int(number) % len(s.paths)}
	wal, err := openWal(s.walFolder(opened.data, id, "wal", strconv.Itoa(int(number))))
	opened.wal = wal
	if record := space.dbs[opened.data].Get(commitOf(number)); len(record) == 16 {
		opened.last.ID = int64(binary.LittleEndian.Uint64(record))
		opened.last.Term = int64(binary.LittleEndian.Uint64(record[8:]))
	}
	space.parts[number] = opened
	return err
}

// Keys as the daemons make them: type and partition in four bytes, then the rest.
const (
	tagKey    = 1
	edgeKey   = 2
	systemKey = 4
)

func partKey(kind byte, part int32, more ...[]byte) []byte {
	key := binary.LittleEndian.AppendUint32(nil, uint32(part)<<8|uint32(kind))
	for _, bytes := range more {
		key = append(key, bytes...)
	}
	return key
}

func commitOf(part int32) []byte { return partKey(systemKey, part, []byte{0, 0, 0, 0}) }

// Row is a tag of a vertex, or an edge where Target is given.
type Row struct {
	Part    int32  `json:"part"`
	Vid     string `json:"vid"`
	Schema  int32  `json:"schema"`
	Target  string `json:"target,omitempty"`
	Value   string `json:"value"`
	Deleted bool   `json:"deleted,omitempty"`
}

func (r Row) op(length int16) Op {
	fixed := func(text string) []byte { return append([]byte(text), make([]byte, max(0, int(length)-len(text)))...) }
	schema := binary.LittleEndian.AppendUint32(nil, uint32(r.Schema))
	op := Op{partKey(tagKey, r.Part, fixed(r.Vid), schema), []byte(r.Value)}
	if r.Target != "" {
		op.Key = partKey(edgeKey, r.Part, fixed(r.Vid), schema, make([]byte, 8), fixed(r.Target), []byte{1})
	}
	if r.Deleted {
		op.Value = nil
	} else if op.Value == nil {
		op.Value = []byte{}
	}
	return op
}

func partOf(vid string, parts int32) int32 {
	hash := fnv.New64a()
	hash.Write([]byte(vid))
	return int32(hash.Sum64()%uint64(parts)) + 1
}

// writeRequest goes to a partition's leader, which copies it to the others.
type writeRequest struct {
	Space int32
	Part  int32
	Rows  []Row
	// Log is set in copies.
	Log *Log
}

func (s *Storaged) refusal() Code {
	if s.Release < 30000 {
		return "E_CHECKPOINT_BLOCKED"
	}
	return "E_RAFT_WRITE_BLOCKED"
}

func (s *Storaged) write(in writeRequest) (Code, error) {
	s.mutex.Lock()
	space := s.spaces[in.Space]
	if space == nil || space.parts[in.Part] == nil {
		s.mutex.Unlock()
		return "E_PART_NOT_FOUND", nil
	}
	part := space.parts[in.Part]
	if in.Log == nil {
		if !part.leads {
			s.mutex.Unlock()
			return "E_LEADER_CHANGED", nil
		}
		if s.blocked[in.Space] {
			s.mutex.Unlock()
			return s.refusal(), nil
		}
	}
	defer s.mutex.Unlock()
	log := Log{part.last.ID + 1, part.last.Term}
	if in.Log != nil {
		log = *in.Log
	}
	if err := s.apply(space, part, in.Rows, log); err != nil {
		return "", err
	}
	if in.Log == nil {
		copied := in
		copied.Log = &log
		for _, peer := range part.peers {
			if peer != s.self && s.catalog.Hosts[peer.String()] {
				if _, err := ask[Code](peer.Plus(-2), "/storage/copy", copied, 2*time.Second); err != nil {
					logf("copy to %s: %v", peer, err)
				}
			}
		}
	}
	return ok, nil
}

// apply needs the mutex.
func (s *Storaged) apply(space *space, part *part, rows []Row, log Log) error {
	ops := []Op{}
	for _, row := range rows {
		ops = append(ops, row.op(space.desc.VidLength))
	}
	record := binary.LittleEndian.AppendUint64(nil, uint64(log.ID))
	record = binary.LittleEndian.AppendUint64(record, uint64(log.Term))
	message, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	if err := part.wal.append(log.ID, log.Term, message); err != nil {
		return err
	}
	if err := space.dbs[part.data].Apply(append(ops, Op{commitOf(part.id), record})); err != nil {
		return err
	}
	part.last = log
	return nil
}

// Block refuses writes, or takes them again.
func (s *Storaged) Block(ids []int32, on bool) Code {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, id := range ids {
		s.blocked[id] = on
	}
	return ok
}

// CreateCheckpoint makes one per space and data path: hard links, and each partition's newest WAL file.
func (s *Storaged) CreateCheckpoint(ids []int32, name string) ([]Checkpoint, Code) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found := []Checkpoint{}
	for _, id := range ids {
		space := s.spaces[id]
		if space == nil {
			continue
		}
		for data, db := range space.dbs {
			made, err := s.checkpoint(space, data, db, name)
			if err != nil {
				logf("Checkpoint create error on storage engine: %v", err)
				return nil, "E_FAILED_TO_CHECKPOINT"
			}
			found = append(found, made)
		}
	}
	return found, ok
}

func (s *Storaged) checkpoint(space *space, data int, db *DB, name string) (Checkpoint, error) {
	folder := s.spaceFolder(data, space.id, "checkpoints", name)
	// Names repeat within a second: what is there is overwritten.
	if err := os.RemoveAll(folder); err != nil {
		return Checkpoint{}, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return Checkpoint{}, err
	}
	if err := db.Checkpoint(filepath.Join(folder, "data")); err != nil {
		return Checkpoint{}, err
	}
	made := Checkpoint{space.id, s.reported(folder), map[int32]Log{}}
	for _, part := range space.parts {
		if part.data != data {
			continue
		}
		if part.leads {
			made.Parts[part.id] = part.last
		}
		links := folder
		if s.Release >= 20100 && s.Release < 30000 {
			links = s.walFolder(data, space.id, "checkpoints", name)
		}
		if err := part.wal.link(filepath.Join(links, "wal", strconv.Itoa(int(part.id)))); err != nil {
			return Checkpoint{}, err
		}
	}
	return made, nil
}

func (s *Storaged) reported(path string) string {
	if s.Release < 20100 {
		return path
	}
	return s.absolute(path)
}

// DropCheckpoint removes those of a name; links below wal_path stay, as they do.
func (s *Storaged) DropCheckpoint(ids []int32, name string) Code {
	if name == "" || filepath.Base(name) != name {
		return "E_INVALID_DATA"
	}
	for _, id := range ids {
		for data := range s.paths {
			if err := os.RemoveAll(s.spaceFolder(data, id, "checkpoints", name)); err != nil {
				logf("%v", err)
				return "E_UNKNOWN"
			}
		}
	}
	return ok
}

// counts of what this storaged leads in a space: vertices, edges, `tag <id>`, `edge <id>`.
func (s *Storaged) counts(id int32) (map[string]int64, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found := map[string]int64{}
	space := s.spaces[id]
	if space == nil {
		return found, nil
	}
	length := int(space.desc.VidLength)
	for _, part := range space.parts {
		if !part.leads {
			continue
		}
		last := ""
		space.dbs[part.data].Each(partKey(tagKey, part.id), func(key, _ []byte) bool {
			if vid := string(key[4 : 4+length]); vid != last {
				found["vertices"]++
				last = vid
			}
			found[fmt.Sprintf("tag %d", binary.LittleEndian.Uint32(key[4+length:]))]++
			return true
		})
		space.dbs[part.data].Each(partKey(edgeKey, part.id), func(key, _ []byte) bool {
			found["edges"]++
			found[fmt.Sprintf("edge %d", binary.LittleEndian.Uint32(key[4+length:]))]++
			return true
		})
	}
	return found, nil
}

func (s *Storaged) spaceByName(name string) *space {
	for _, space := range s.spaces {
		if space.desc.Name == name {
			return space
		}
	}
	return nil
}
