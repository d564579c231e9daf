package core

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CreateSnapshot does what CREATE SNAPSHOT does (specs/nebula.md §3.3).
func (m *Metad) CreateSnapshot() Code {
	return m.Led(func() Code {
		if m.busy() {
			if m.Release >= 30400 && m.wire.Knows("E_SNAPSHOT_RUNNING_JOBS") {
				return "E_SNAPSHOT_RUNNING_JOBS"
			}
			return "E_SNAPSHOT_FAILURE"
		}
		m.snapshot.Lock()
		defer m.snapshot.Unlock()
		return m.createSnapshot()
	})
}

func (m *Metad) createSnapshot() Code {
	active := m.active()
	if len(active) == 0 {
		return "E_NO_HOSTS"
	}
	machines := 0
	m.db.Each([]byte("__machines__"), func(_, _ []byte) bool { machines++; return true })
	if m.Release >= 30400 && machines != len(active) {
		logf("There has some offline hosts")
		return "E_SNAPSHOT_FAILURE"
	}
	name := m.newName("SNAPSHOT")
	if m.Release < 30100 {
		if code := m.write(snapshotRow(SnapshotRow{name, false, hostsText(active)})); code != ok {
			return code
		}
	}
	code := m.snapshotData(name)
	if m.Release < 30100 && code != ok {
		return code
	}
	// Since 3.1 the row is written once, at the end.
	if written := m.write(snapshotRow(SnapshotRow{name, code == ok, hostsText(active)})); written != ok {
		return written
	}
	return code
}

func (m *Metad) snapshotData(name string) Code {
	ids := SpaceIDs(m.Spaces())
	if len(m.filter) > 0 {
		ids = m.filter
	}
	hosts := m.storagedsOf(ids)
	if code := m.blockAll(hosts, ids, true); code != ok {
		m.blockAll(hosts, ids, false)
		return "E_BLOCK_WRITE_FAILURE"
	}
	code := m.Faults.At("createSnapshot:blocked")
	if code == "" {
		_, code = m.checkpointAll(hosts, ids, name)
	}
	if unblocked := m.blockAll(hosts, ids, false); code == ok {
		code = unblocked
	}
	if code != ok {
		return code
	}
	if code := m.Faults.At("createSnapshot:checkpoints"); code != "" {
		return code
	}
	if err := m.checkpointMeta(name); err != nil {
		logf("%v", err)
		return "E_SNAPSHOT_FAILURE"
	}
	return ok
}

// checkpointMeta is that of the leader only: other metads get nothing.
func (m *Metad) checkpointMeta(name string) error {
	folder := m.folder("checkpoints", name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	m.raft.writing.Lock()
	defer m.raft.writing.Unlock()
	if err := m.db.Checkpoint(folder + "/data"); err != nil {
		return err
	}
	return m.raft.wal.link(folder + "/wal/0")
}

// ListSnapshots gives rows in the order of their names; backups are among them.
func (m *Metad) ListSnapshots() ([]SnapshotRow, Code) {
	rows := []SnapshotRow{}
	code := m.Led(func() Code {
		m.db.Each([]byte("__snapshots__"), func(_, value []byte) bool {
			var row SnapshotRow
			json.Unmarshal(value, &row)
			rows = append(rows, row)
			return true
		})
		return ok
	})
	return rows, code
}

// DropSnapshot removes the checkpoints that can be reached, and the row; only of this metad its own.
func (m *Metad) DropSnapshot(name string) Code {
	return m.Led(func() Code {
		m.snapshot.Lock()
		defer m.snapshot.Unlock()
		key := append([]byte("__snapshots__"), name...)
		if m.db.Get(key) == nil {
			switch {
			case m.Release < 20100:
				return "E_NOT_FOUND"
			case m.Release < 30000:
				return "E_KEY_NOT_FOUND"
			case m.Release < 30400:
				return ok
			}
			return "E_SNAPSHOT_NOT_FOUND"
		}
		ids := SpaceIDs(m.Spaces())
		for _, host := range m.storagedsOf(ids) {
			for _, group := range m.groups(ids) {
				// Errors of storageds are only logged: their checkpoints stay.
				m.admin(host, func(client AdminClient) (Code, error) { return client.DropCheckpoint(group, name) })
			}
		}
		if code := m.Faults.At("dropSnapshot:storage"); code != "" {
			return code
		}
		if name == "" || strings.ContainsAny(name, "/.") {
			return "E_SNAPSHOT_FAILURE"
		}
		if err := os.RemoveAll(m.folder("checkpoints", name)); err != nil {
			logf("%v", err)
		}
		return m.write([]Op{{Key: key}})
	})
}

// snapshotRequest is what graphd asks for, by our own protocol.
type snapshotRequest struct{ Action, Name string }
type snapshotAnswer struct {
	Code Code
	Rows []SnapshotRow
}

func (m *Metad) onBehalf(in snapshotRequest) (snapshotAnswer, error) {
	var out snapshotAnswer
	switch in.Action {
	case "create":
		out.Code = m.Faults.Call("createSnapshot", nil, m.CreateSnapshot)
	case "drop":
		out.Code = m.Faults.Call("dropSnapshot", nil, func() Code { return m.DropSnapshot(in.Name) })
	case "list":
		out.Code = m.Faults.Call("listSnapshots", nil, func() Code {
			rows, code := m.ListSnapshots()
			out.Rows = rows
			return code
		})
	case "stats":
		out.Code = m.Faults.Call("runAdminJob", nil, func() Code { return m.submitStats(in.Name) })
	case "addHosts":
		hosts := []Addr{}
		for _, text := range strings.Split(in.Name, ",") {
			hosts = append(hosts, ParseAddr(text))
		}
		out.Code = m.AddHosts(hosts)
	}
	return out, nil
}

// zones gives the hosts of each zone.
func (m *Metad) zones() map[string][]Addr {
	found := map[string][]Addr{}
	m.db.Each([]byte("__zones__"), func(key, value []byte) bool {
		var hosts []Addr
		json.Unmarshal(value, &hosts)
		found[strings.TrimPrefix(string(key), "__zones__")] = hosts
		return true
	})
	return found
}

// AddHosts registers machines, which have a zone each; before 3.0 there is no such thing. One that there is
// makes it fail for all (AddHostsProcessor).
func (m *Metad) AddHosts(hosts []Addr) Code {
	return m.Led(func() Code { return m.addHosts(hosts) })
}

func (m *Metad) addHosts(hosts []Addr) Code {
	if m.Release < 30000 {
		return ok
	}
	if len(hosts) == 0 {
		return "E_INVALID_PARM"
	}
	ops := []Op{}
	for _, host := range hosts {
		if m.db.Get(machineKey(host)) != nil || m.db.Get([]byte("__zones__"+defaultZone(host))) != nil {
			return "E_EXISTED"
		}
		ops = append(ops, Op{machineKey(host), []byte("{}")}, Op{[]byte("__zones__" + defaultZone(host)), encoded([]Addr{host})})
	}
	return m.write(ops)
}

func (m *Metad) nextID() (int32, Op) {
	last, _ := strconv.Atoi(string(m.db.Get([]byte("__id__"))))
	return int32(last + 1), Op{[]byte("__id__"), []byte(strconv.Itoa(last + 1))}
}

// spaceRequest is CREATE SPACE with its schema, for tests.
type spaceRequest struct {
	SpaceDesc
	Tags  []string `json:"tags"`
	Edges []string `json:"edges"`
}

// createSpace deals the partitions out to the storageds that are online, in the order of addresses.
func (m *Metad) createSpace(in spaceRequest) (int32, error) {
	online := m.active()
	if int(in.Replicas) > len(online) {
		return 0, errors.New("too few storageds are online: " + hostsText(online))
	}
	if m.Release >= 30000 {
		for name := range m.zones() {
			in.Zones = append(in.Zones, name)
		}
		slices.Sort(in.Zones)
	}
	id, counter := m.nextID()
	ops := []Op{
		{spaceKey("__spaces__", id), encoded(in.SpaceDesc)},
		{append([]byte("__index__"), in.Name...), id4(id)},
		{[]byte("__last_update_time__"), []byte(strconv.FormatInt(time.Now().UnixMilli(), 10))},
		{spaceKey("__roles__", id, []byte("root")), []byte("GOD")},
	}
	for part := range in.Partitions {
		peers := []Addr{}
		for copies := range in.Replicas {
			peers = append(peers, online[int(part+copies)%len(online)].Addr)
		}
		ops = append(ops, Op{spaceKey("__parts__", id, id4(part+1)), encoded(peers)})
	}
	next := id
	for table, names := range map[string][]string{"__tags__": in.Tags, "__edges__": in.Edges} {
		for _, name := range names {
			next++
			ops = append(ops, Op{spaceKey(table, id, id4(next)), []byte(name)})
		}
	}
	counter.Value = []byte(strconv.Itoa(int(next)))
	if code := m.write(append(ops, counter)); code != ok {
		return 0, errors.New(code)
	}
	return id, nil
}

// submitStats counts a space at its leaders: SUBMIT JOB STATS.
func (m *Metad) submitStats(space string) Code {
	id, _, code := m.GetSpace(space)
	if code != ok {
		return code
	}
	total := map[string]int64{}
	for _, row := range m.active() {
		counts, err := ask[map[string]int64](row.Addr.Plus(-2), "/storage/counts", id, 30*time.Second)
		if err != nil {
			logf("%v", err)
			return "E_RPC_FAILURE"
		}
		for name, count := range counts {
			total[name] += count
		}
	}
	jobs := append(m.jobs(), Job{len(m.jobs()) + 1, "STATS", "FINISHED"})
	return m.write([]Op{{spaceKey(m.statsTable(), id), encoded(total)}, {[]byte("__job_mgr__"), encoded(jobs)}})
}

func (m *Metad) serveTests(mux *http.ServeMux) {
	handle(mux, "/test/raft", func(struct{}) (map[string]any, error) {
		leader, leads := m.raft.state()
		m.raft.mutex.Lock()
		defer m.raft.mutex.Unlock()
		return map[string]any{"leader": leader.String(), "leads": leads, "term": m.raft.term, "index": m.raft.index}, nil
	})
	handle(mux, "/test/hosts", func(hosts []Addr) (Code, error) { return m.addHosts(hosts), nil })
	handle(mux, "/test/agent", func(addr Addr) (Code, error) { return m.TakeAgent(addr), nil })
	handle(mux, "/test/space", m.createSpace)
	handle(mux, "/test/jobs", func(jobs []Job) (Code, error) {
		return m.write([]Op{{[]byte("__job_mgr__"), encoded(jobs)}}), nil
	})
	handle(mux, "/test/stepdown", func(in struct {
		To     string `json:"to"`
		HoldMs int    `json:"holdMs"`
	}) (bool, error) {
		m.raft.stepDown(in.To, time.Duration(in.HoldMs)*time.Millisecond)
		return true, nil
	})
	handle(mux, "/test/snapshots", func(struct{}) ([]SnapshotRow, error) {
		rows, code := m.ListSnapshots()
		if code != ok {
			return nil, errors.New(code)
		}
		return rows, nil
	})
	handle(mux, "/test/catalog", m.catalog)
	if m.Release < 30100 {
		mux.HandleFunc("/replace", func(out http.ResponseWriter, request *http.Request) {
			status, text := m.replaceHost(request.URL.Query())
			out.WriteHeader(status)
			out.Write([]byte(text))
		})
	}
}
