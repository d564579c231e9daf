package core

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/fnv"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Metad is one metad: its KV is RocksDB at <data_path>/nebula/0/data.
type Metad struct {
	Conf     Conf
	Release  Release
	Faults   *Faults
	wire     Wire
	self     Addr
	root     string
	dataPath string
	db       *DB
	raft     *raft
	webs     []net.Listener
	// snapshot is held by whatever makes or drops one: others wait.
	snapshot sync.Mutex
	mutex    sync.Mutex
	beats    map[Addr]HostRow
	seen     map[Addr]time.Time
	// filter is that of the newest createBackup: later snapshots only touch these spaces.
	filter []int32
}

func newMetad(conf Conf, wire Wire) *Metad {
	root, err := os.Getwd()
	if err != nil {
		fatal("%v", err)
	}
	m := &Metad{
		Conf: conf, Release: parseRelease(conf.text("test_version", wire.Release)), wire: wire, root: root,
		self:     Addr{conf.text("local_ip", "127.0.0.1"), int32(conf.number("port", 9559))},
		dataPath: conf.text("data_path", "data/meta"),
		beats:    map[Addr]HostRow{}, seen: map[Addr]time.Time{},
	}
	m.Faults = &Faults{knows: wire.Knows, stepDown: func(to string) { m.raft.stepDown(to, 500*time.Millisecond) }}
	return m
}

func (m *Metad) flags() Conf { return m.Conf }

func (m *Metad) folder(parts ...string) string {
	return filepath.Join(append([]string{m.dataPath, "nebula", "0"}, parts...)...)
}

func (m *Metad) run() error {
	if err := os.MkdirAll(m.folder("data"), 0o755); err != nil {
		return err
	}
	db, err := OpenDB(m.folder("data"))
	if err != nil {
		return err
	}
	m.db = db
	metads := []Addr{}
	for _, text := range m.Conf.list("meta_server_addrs") {
		metads = append(metads, ParseAddr(text))
	}
	if m.raft, err = newRaft(db, m.self, metads, m.folder("wal", "0")); err != nil {
		return err
	}
	mux := http.NewServeMux()
	m.raft.serve(mux)
	handle(mux, "/cluster/beat", m.heartbeat)
	handle(mux, "/cluster/catalog", m.catalog)
	handle(mux, "/cluster/snapshot", m.onBehalf)
	inner, err := serveHTTP(m.self.Plus(1), mux)
	if err != nil {
		return err
	}
	web := Addr{m.self.Host, int32(m.Conf.number("ws_http_port", 19559))}
	outer, err := serveWeb(web, m.Conf, m.Faults, func() string { return "running" }, m.serveTests)
	if err != nil {
		return err
	}
	listener, err := listen(m.self)
	if err != nil {
		return err
	}
	m.webs = []net.Listener{inner, outer, listener}
	go m.raft.run()
	go serveConns(listener, func(conn net.Conn) { m.wire.ServeMeta(conn, m) })
	go m.begin()
	return nil
}

func (m *Metad) stop() {
	for _, web := range m.webs {
		web.Close()
	}
	if m.raft != nil {
		m.raft.close()
	}
	if m.db != nil {
		m.db.Close()
	}
}

// begin writes what a new cluster has: its id (by chance since 3.5, before from its addresses), and root.
func (m *Metad) begin() {
	for ; ; time.Sleep(50 * time.Millisecond) {
		if _, leads := m.raft.state(); !leads {
			continue
		}
		ops := []Op{}
		if m.db.Get(clusterKey) == nil {
			ops = append(ops, Op{clusterKey, []byte(strconv.FormatUint(m.newClusterID(), 10))})
		}
		if m.db.Get([]byte("__users__root")) == nil {
			ops = append(ops, Op{[]byte("__users__root"), []byte(`{"role":"GOD"}`)})
		}
		if len(ops) == 0 || m.raft.write(ops) {
			return
		}
	}
}

var clusterKey = []byte("__meta_cluster_id_key__")

func (m *Metad) newClusterID() uint64 {
	hash := fnv.New64a()
	hash.Write([]byte(m.Conf["meta_server_addrs"]))
	if m.Release >= 30500 {
		hash.Write([]byte(time.Now().String()))
	}
	return hash.Sum64()>>1 | 1
}

// Leader is who leads, for an answer; empty during an election.
func (m *Metad) Leader() Addr {
	leader, _ := m.raft.state()
	return leader
}

// Led is the start of whatever only the leader does.
func (m *Metad) Led(work func() Code) Code {
	if _, leads := m.raft.state(); !leads {
		return "E_LEADER_CHANGED"
	}
	return work()
}

func (m *Metad) write(ops []Op) Code {
	if m.raft.write(ops) {
		return ok
	}
	return "E_LEADER_CHANGED"
}

func id4(id int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(id)) }

func spaceKey(table string, space int32, more ...[]byte) []byte {
	key := append([]byte(table), id4(space)...)
	for _, part := range more {
		key = append(key, part...)
	}
	return key
}

func encoded(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

func idOf(key []byte, table string, at int) int32 {
	return int32(binary.BigEndian.Uint32(key[len(table)+at:]))
}

// Spaces gives all spaces by id.
func (m *Metad) Spaces() map[int32]SpaceDesc {
	found := map[int32]SpaceDesc{}
	m.db.Each([]byte("__spaces__"), func(key, value []byte) bool {
		var desc SpaceDesc
		json.Unmarshal(value, &desc)
		found[idOf(key, "__spaces__", 0)] = desc
		return true
	})
	return found
}

// SpaceIDs are their ids in order.
func SpaceIDs[Value any](spaces map[int32]Value) []int32 {
	ids := []int32{}
	for id := range spaces {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// parts gives the peers of each partition of each space.
func (m *Metad) parts() map[int32]map[int32][]Addr {
	found := map[int32]map[int32][]Addr{}
	m.db.Each([]byte("__parts__"), func(key, value []byte) bool {
		space, part := idOf(key, "__parts__", 0), idOf(key, "__parts__", 4)
		var peers []Addr
		json.Unmarshal(value, &peers)
		if found[space] == nil {
			found[space] = map[int32][]Addr{}
		}
		found[space][part] = peers
		return true
	})
	return found
}

// named gives names by id of `__tags__` or `__edges__` of a space.
func (m *Metad) named(table string, space int32) map[int32]string {
	found := map[int32]string{}
	m.db.Each(spaceKey(table, space), func(key, value []byte) bool {
		found[idOf(key, table, 4)] = string(value)
		return true
	})
	return found
}

func (m *Metad) expiry() time.Duration {
	return m.Conf.millis("test_heartbeat_ms", 10_000) * time.Duration(m.Conf.number("expired_time_factor", 5))
}

func (m *Metad) hosts(role string) []HostRow {
	rows := []HostRow{}
	m.mutex.Lock()
	beats, seen := m.beats, m.seen
	m.db.Each([]byte("__hosts__"), func(_, value []byte) bool {
		var row HostRow
		json.Unmarshal(value, &row)
		if row.Role != role {
			return true
		}
		if beat, found := beats[row.Addr]; found {
			row.Leaders, row.Version, row.Root, row.Data = beat.Leaders, beat.Version, beat.Root, beat.Data
			// Nobody beats for an agent in these tests: once seen, it stays.
			row.Online = role == "AGENT" || time.Since(seen[row.Addr]) < m.expiry()
		}
		rows = append(rows, row)
		return true
	})
	m.mutex.Unlock()
	sort.Slice(rows, func(a, b int) bool { return rows[a].Addr.String() < rows[b].Addr.String() })
	return rows
}

// withMachines adds those that are registered and were never there, as ListHostsProcessor does since 3.0.
func (m *Metad) withMachines(rows []HostRow) []HostRow {
	m.db.Each([]byte("__machines__"), func(key, _ []byte) bool {
		addr := ParseAddr(strings.TrimPrefix(string(key), "__machines__"))
		if !slices.ContainsFunc(rows, func(row HostRow) bool { return row.Addr == addr }) {
			rows = append(rows, HostRow{Addr: addr, Role: "STORAGE"})
		}
		return true
	})
	sort.Slice(rows, func(a, b int) bool { return rows[a].Addr.String() < rows[b].Addr.String() })
	return rows
}

// ListHosts gives rows with their partitions; types are ALLOC, GRAPH, META, STORAGE, AGENT.
func (m *Metad) ListHosts(kind string) ([]HostRow, Code) {
	rows := []HostRow{}
	code := m.Led(func() Code {
		switch kind {
		case "META":
			rows = m.metads()
		case "ALLOC", "STORAGE":
			rows = m.withMachines(m.hosts("STORAGE"))
		default:
			rows = m.hosts(kind)
		}
		return ok
	})
	if kind != "ALLOC" {
		for index := range rows {
			rows[index].Leaders, rows[index].Parts = nil, nil
		}
		return rows, code
	}
	spaces := m.Spaces()
	for index := range rows {
		rows[index].Parts = map[string][]int32{}
		for space, parts := range m.parts() {
			for _, part := range SpaceIDs(parts) {
				if slices.Contains(parts[part], rows[index].Addr) {
					name := spaces[space].Name
					rows[index].Parts[name] = append(rows[index].Parts[name], part)
				}
			}
		}
		for name := range rows[index].Leaders {
			if !rows[index].Online || !slices.ContainsFunc(SpaceIDs(spaces), func(id int32) bool { return spaces[id].Name == name }) {
				delete(rows[index].Leaders, name)
			}
		}
	}
	return rows, code
}

func (m *Metad) metads() []HostRow {
	rows := []HostRow{}
	for _, text := range m.Conf.list("meta_server_addrs") {
		addr := ParseAddr(text)
		conn, err := net.DialTimeout("tcp", addr.Plus(1).String(), 300*time.Millisecond)
		if err == nil {
			conn.Close()
		}
		row := HostRow{Addr: addr, Role: "META", Online: err == nil, Sha: gitSha, Version: m.Version()}
		rows = append(rows, row)
	}
	return rows
}

// Version is what the service names; before 2.1 none did.
func (m *Metad) Version() string {
	if m.Release < 20100 {
		return ""
	}
	return m.Conf.text("test_version", m.wire.Release)
}

// Directories are this metad's own, leader or not.
func (m *Metad) Directories() (string, []string) { return m.root, []string{m.absolute(m.dataPath)} }

func (m *Metad) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(m.root, path)
}

// GetSpace finds a space by its name.
func (m *Metad) GetSpace(name string) (int32, SpaceDesc, Code) {
	for id, desc := range m.Spaces() {
		if desc.Name == name {
			return id, desc, ok
		}
	}
	if m.Release < 20100 {
		return 0, SpaceDesc{}, "E_NOT_FOUND"
	}
	return 0, SpaceDesc{}, "E_SPACE_NOT_FOUND"
}

// DropSpace removes a space's rows; storageds keep their folders.
func (m *Metad) DropSpace(name string, ifExists bool) Code {
	id, _, code := m.GetSpace(name)
	if code != ok {
		if ifExists {
			return ok
		}
		return code
	}
	ops := []Op{{Key: append([]byte("__index__"), name...)}}
	for _, table := range []string{"__spaces__", "__parts__", "__tags__", "__edges__", m.statsTable(), "__roles__"} {
		m.db.Each(spaceKey(table, id), func(key, _ []byte) bool {
			ops = append(ops, Op{Key: key})
			return true
		})
	}
	return m.write(ops)
}

func (m *Metad) statsTable() string {
	if m.Release < 30000 {
		return "__statis__"
	}
	return "__stats__"
}

// beatRequest is our own heartbeat: role, address, cluster id, led partitions.
type beatRequest struct {
	Cluster string
	Row     HostRow
}
type beatAnswer struct {
	Code    Code
	Leader  Addr
	Cluster string
	Catalog catalog
}

// heartbeat takes a storaged or graphd in, and tells it what there is.
func (m *Metad) heartbeat(in beatRequest) (beatAnswer, error) {
	out := beatAnswer{Leader: m.Leader()}
	if _, leads := m.raft.state(); !leads && in.Cluster != "" && in.Cluster == string(m.db.Get(clusterKey)) {
		m.remember(in.Row)
	}
	out.Code = m.Faults.Call("heartBeat", nil, func() Code {
		return m.Led(func() Code { return m.takeBeat(in, &out) })
	})
	return out, nil
}

// remember keeps a heartbeat, as every metad does: real ones have their times in replicated tables, so that
// a new leader knows who is online. It gives whether this one was known before.
func (m *Metad) remember(row HostRow) bool {
	row.Sha, row.Version = gitSha, m.Version()
	m.mutex.Lock()
	defer m.mutex.Unlock()
	_, known := m.beats[row.Addr]
	m.beats[row.Addr], m.seen[row.Addr] = row, time.Now()
	return known
}

func (m *Metad) takeBeat(in beatRequest, out *beatAnswer) Code {
	cluster := m.db.Get(clusterKey)
	if cluster == nil {
		return "E_LEADER_CHANGED"
	}
	out.Cluster = string(cluster)
	if in.Row.Role == "STORAGE" {
		if in.Cluster != "" && in.Cluster != string(cluster) {
			return "E_WRONGCLUSTER"
		}
		if m.Release >= 30000 && m.db.Get(machineKey(in.Row.Addr)) == nil {
			return "E_MACHINE_NOT_FOUND"
		}
	}
	key := append([]byte("__hosts__"), in.Row.Addr.String()...)
	if known := m.remember(in.Row); !known || m.db.Get(key) == nil {
		row := in.Row
		row.Sha, row.Version = gitSha, m.Version()
		row.Leaders, row.Parts = nil, nil
		if code := m.write([]Op{{key, encoded(row)}}); code != ok {
			return code
		}
	}
	catalog, err := m.catalog(struct{}{})
	if err != nil {
		return "E_LEADER_CHANGED"
	}
	out.Catalog = catalog
	return ok
}

func machineKey(addr Addr) []byte { return append([]byte("__machines__"), addr.String()...) }

// catalog is what storageds and graphds know of the cluster.
type catalog struct {
	Spaces map[int32]SpaceDesc        `json:"spaces"`
	Parts  map[int32]map[int32][]Addr `json:"parts"`
	Tags   map[int32]map[int32]string `json:"tags"`
	Edges  map[int32]map[int32]string `json:"edges"`
	Stats  map[int32]map[string]int64 `json:"stats"`
	Hosts  map[string]bool            `json:"hosts"`
	Rows   []HostRow                  `json:"rows"`
	Jobs   []Job                      `json:"jobs"`
}

func (m *Metad) catalog(struct{}) (catalog, error) {
	if _, leads := m.raft.state(); !leads {
		return catalog{}, errors.New("E_LEADER_CHANGED")
	}
	found := catalog{
		Spaces: m.Spaces(), Parts: m.parts(), Tags: map[int32]map[int32]string{}, Edges: map[int32]map[int32]string{},
		Stats: map[int32]map[string]int64{}, Hosts: map[string]bool{}, Jobs: m.jobs(),
	}
	found.Rows, _ = m.ListHosts("ALLOC")
	for _, row := range found.Rows {
		found.Hosts[row.Addr.String()] = row.Online
	}
	for id := range found.Spaces {
		found.Tags[id], found.Edges[id] = m.named("__tags__", id), m.named("__edges__", id)
		if text := m.db.Get(spaceKey(m.statsTable(), id)); text != nil {
			var stats map[string]int64
			json.Unmarshal(text, &stats)
			found.Stats[id] = stats
		}
	}
	return found, nil
}

// Job is a row of SHOW JOBS.
type Job struct {
	ID     int    `json:"id"`
	Type   string `json:"type"`
	Status string `json:"status"`
}

func (m *Metad) jobs() []Job {
	found := []Job{}
	if text := m.db.Get([]byte("__job_mgr__")); text != nil {
		json.Unmarshal(text, &found)
	}
	return found
}

// VerifyClientVersion: the vendor's package of a generation has it since 3.0.
func (m *Metad) VerifyClientVersion(version string) Code {
	if parseRelease(version)/10000 == m.Release/10000 {
		return ok
	}
	return "E_CLIENT_SERVER_INCOMPATIBLE"
}

func (m *Metad) replaceHost(query url.Values) (int, string) {
	if _, leads := m.raft.state(); !leads || query.Get("from") == "" || query.Get("to") == "" {
		return http.StatusForbidden, "Replace Host failed"
	}
	ops := []Op{}
	for space, parts := range m.parts() {
		for part, peers := range parts {
			for index := range peers {
				// By host only, whatever the port.
				if peers[index].Host == query.Get("from") {
					peers[index].Host = query.Get("to")
				}
			}
			ops = append(ops, Op{spaceKey("__parts__", space, id4(part)), encoded(peers)})
		}
	}
	if m.write(ops) != ok {
		return http.StatusForbidden, "Replace Host failed"
	}
	return http.StatusOK, "Replace Host successfully"
}

// ClusterRows are all live services with their folders: listCluster.
func (m *Metad) ClusterRows() ([]HostRow, Code) {
	rows := []HostRow{}
	code := m.Led(func() Code {
		for _, row := range append(append(m.hosts("STORAGE"), m.hosts("GRAPH")...), m.hosts("AGENT")...) {
			if row.Online {
				rows = append(rows, row)
			}
		}
		for _, row := range m.metads() {
			if row.Online {
				rows = append(rows, row)
			}
		}
		return m.agentsOf(rows)
	})
	if len(rows) == 0 && code == ok {
		return rows, "E_LIST_CLUSTER_FAILURE"
	}
	return rows, code
}

// TakeAgent remembers an agent that beats.
func (m *Metad) TakeAgent(addr Addr) Code {
	return m.Led(func() Code {
		row := HostRow{Addr: addr, Role: "AGENT", Data: []string{}}
		m.mutex.Lock()
		m.beats[addr], m.seen[addr] = row, time.Now()
		m.mutex.Unlock()
		return m.write([]Op{{append([]byte("__hosts__"), addr.String()...), encoded(row)}})
	})
}

// DropNothing is dropSnapshot of an empty list: up to 3.3 its first item was taken unseen.
func (m *Metad) DropNothing() Code {
	if m.Release < 30400 {
		fatal("dropSnapshot: names[0] of an empty list")
	}
	return "E_SNAPSHOT_FAILURE"
}

// agentsOf: since 3.0 a host with services but without an agent is an error.
func (m *Metad) agentsOf(rows []HostRow) Code {
	agents := map[string]bool{}
	for _, row := range rows {
		agents[row.Addr.Host] = agents[row.Addr.Host] || row.Role == "AGENT"
	}
	for _, has := range agents {
		if !has && m.Release >= 30000 {
			return "E_LIST_CLUSTER_NO_AGENT_FAILURE"
		}
	}
	return ok
}
