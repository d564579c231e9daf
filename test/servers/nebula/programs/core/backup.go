package core

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// mutating are jobs beside which no backup or snapshot is made (specs/nebula.md §2.0, 2).
func (m *Metad) busy() bool {
	types := []string{"REBUILD_TAG_INDEX", "REBUILD_EDGE_INDEX"}
	if m.Release >= 30400 {
		types = append(types, "COMPACT", "INGEST", "DATA_BALANCE", "ZONE_BALANCE", "LEADER_BALANCE", "REBUILD_FULLTEXT_INDEX")
	}
	return slices.ContainsFunc(m.jobs(), func(job Job) bool {
		return (job.Status == "RUNNING" || job.Status == "QUEUE") && slices.Contains(types, job.Type)
	})
}

func (m *Metad) backupFailed() Code {
	if m.Release < 20100 {
		return "E_BACKUP_FAILURE"
	}
	return "E_BACKUP_FAILED"
}

func (m *Metad) active() []HostRow {
	return slices.DeleteFunc(m.hosts("STORAGE"), func(row HostRow) bool { return !row.Online })
}

func hostsText(rows []HostRow) string {
	texts := []string{}
	for _, row := range rows {
		texts = append(texts, row.Addr.String())
	}
	return strings.Join(texts, ", ")
}

// CreateBackup does what CreateBackupProcessor does (specs/nebula.md §2.0), in its order. `all` is an
// absent field, and since 3.0 an empty list as well.
func (m *Metad) CreateBackup(names []string, all bool) (Backup, Code) {
	var backup Backup
	code := m.Led(func() Code {
		if m.busy() {
			if m.Release >= 30400 && m.wire.Knows("E_BACKUP_RUNNING_JOBS") {
				return "E_BACKUP_RUNNING_JOBS"
			}
			return "E_BACKUP_BUILDING_INDEX"
		}
		m.snapshot.Lock()
		defer m.snapshot.Unlock()
		made, code := m.createBackup(names, all)
		backup = made
		return code
	})
	return backup, code
}

func (m *Metad) createBackup(names []string, all bool) (Backup, Code) {
	active := m.active()
	if len(active) == 0 {
		return Backup{}, "E_NO_HOSTS"
	}
	spaces, code := m.chosen(names, all)
	if code != ok {
		return Backup{}, code
	}
	ids := SpaceIDs(spaces)
	m.filter = ids
	if all {
		m.filter = nil
	}
	name := m.newName("BACKUP")
	if m.Release >= 30000 {
		if code := m.write(snapshotRow(SnapshotRow{name, false, hostsText(active)})); code != ok {
			return Backup{}, code
		}
	}
	if code := m.Faults.At("createBackup:start"); code != "" {
		return Backup{}, code
	}
	hosts := m.storagedsOf(ids)
	if code := m.blockAll(hosts, ids, true); code != ok {
		m.blockAll(hosts, ids, false)
		return Backup{}, "E_BLOCK_WRITE_FAILURE"
	}
	if code := m.Faults.At("createBackup:blocked"); code != "" {
		m.blockAll(hosts, ids, false)
		return Backup{}, code
	}
	found, code := m.checkpointAll(hosts, ids, name)
	if code != ok {
		m.blockAll(hosts, ids, false)
		return Backup{}, code
	}
	if code := m.Faults.At("createBackup:checkpoints"); code != "" {
		m.blockAll(hosts, ids, false)
		return Backup{}, code
	}
	files, err := m.export(name, ids, all)
	if code := m.Faults.At("createBackup:export"); code != "" || err != nil {
		logf("export of meta tables: %v %s", err, code)
		// Up to 3.0 this way out forgets to lift the block.
		if m.Release >= 30100 {
			m.blockAll(hosts, ids, false)
		}
		return Backup{}, m.backupFailed()
	}
	if code := m.Faults.At("createBackup:unblock"); code != "" {
		return Backup{}, code
	}
	if code := m.blockAll(hosts, ids, false); code != ok {
		return Backup{}, code
	}
	if code := m.write(snapshotRow(SnapshotRow{name, true, hostsText(active)})); code != ok {
		return Backup{}, code
	}
	backup := Backup{
		Name: name, Spaces: map[int32]SpaceBackup{}, Files: files,
		Full: true, AllSpaces: all, CreateTime: time.Now().UnixMilli(),
	}
	for _, id := range ids {
		backup.Spaces[id] = SpaceBackup{spaces[id], found[id]}
	}
	return backup, ok
}

func (m *Metad) chosen(names []string, all bool) (map[int32]SpaceDesc, Code) {
	spaces := m.Spaces()
	if !all {
		chosen := map[int32]SpaceDesc{}
		for _, name := range names {
			id, desc, code := m.GetSpace(name)
			if code != ok {
				return nil, "E_BACKUP_SPACE_NOT_FOUND"
			}
			chosen[id] = desc
		}
		spaces = chosen
	}
	if len(spaces) == 0 {
		return nil, "E_BACKUP_SPACE_NOT_FOUND"
	}
	return spaces, ok
}

func (m *Metad) newName(kind string) string {
	return kind + time.Now().Format("_2006_01_02_15_04_05")
}

func snapshotRow(row SnapshotRow) []Op {
	return []Op{{append([]byte("__snapshots__"), row.Name...), encoded(row)}}
}

// storagedsOf gives every storaged that has a partition of the spaces, online or not.
func (m *Metad) storagedsOf(ids []int32) []Addr {
	found := map[string]Addr{}
	for space, parts := range m.parts() {
		if !slices.Contains(ids, space) {
			continue
		}
		for _, peers := range parts {
			for _, peer := range peers {
				found[peer.String()] = peer
			}
		}
	}
	addrs := []Addr{}
	for _, addr := range found {
		addrs = append(addrs, addr)
	}
	slices.SortFunc(addrs, func(a, b Addr) int { return strings.Compare(a.String(), b.String()) })
	return addrs
}

// admin calls a storaged's admin service, which is on the port below its own.
func (m *Metad) admin(host Addr, work func(AdminClient) (Code, error)) Code {
	client, err := m.wire.DialAdmin(host.Plus(-1))
	if err != nil {
		logf("admin service of %s: %v", host, err)
		return "E_RPC_FAILURE"
	}
	defer client.Close()
	code, err := work(client)
	if err != nil {
		logf("admin service of %s: %v", host, err)
		return "E_RPC_FAILURE"
	}
	return code
}

// groups are the spaces of one admin call: all at once since 3.0, one by one before.
func (m *Metad) groups(ids []int32) [][]int32 {
	if m.Release >= 30000 {
		return [][]int32{ids}
	}
	groups := [][]int32{}
	for _, id := range ids {
		groups = append(groups, []int32{id})
	}
	return groups
}

func (m *Metad) blockAll(hosts []Addr, ids []int32, on bool) Code {
	result := ok
	for _, host := range hosts {
		for _, group := range m.groups(ids) {
			code := m.admin(host, func(client AdminClient) (Code, error) { return client.Block(group, on) })
			if code != ok {
				result = code
				if on {
					return result
				}
			}
		}
	}
	return result
}

func (m *Metad) checkpointAll(hosts []Addr, ids []int32, name string) (map[int32][]HostCheckpoints, Code) {
	found := map[int32][]HostCheckpoints{}
	for _, host := range hosts {
		for _, group := range m.groups(ids) {
			var made []Checkpoint
			code := m.admin(host, func(client AdminClient) (Code, error) {
				checkpoints, code, err := client.CreateCheckpoint(group, name)
				made = checkpoints
				return code, err
			})
			if code != ok {
				return nil, "E_RPC_FAILURE"
			}
			for _, id := range group {
				own := slices.DeleteFunc(slices.Clone(made), func(one Checkpoint) bool { return one.Space != id })
				if len(own) > 0 {
					found[id] = append(found[id], HostCheckpoints{host, own})
				}
			}
		}
	}
	return found, ok
}

// export writes the meta tables as SSTs, on this metad only; empty tables make no file.
func (m *Metad) export(name string, ids []int32, all bool) ([]string, error) {
	bySpace := []string{"__spaces__", "__parts__", "__tags__", "__edges__", "__indexes__", "__index_status__", "__roles__", m.statsTable()}
	whole := []string{}
	if m.Release >= 30000 {
		bySpace = append(bySpace, "__local_id__", "__disk_parts__")
	}
	if all {
		whole = append(whole, "__users__", "__configs__", "__zones__")
		if m.Release < 30000 {
			whole = append(whole, "__groups__")
		} else {
			whole = append(whole, "__machines__")
		}
		if m.Release >= 20100 {
			whole = append(whole, "__sessions__")
		}
	}
	if m.Release >= 20100 {
		whole = append(whole, "__id__", "__last_update_time__")
	}
	folder := m.folder("checkpoints", name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	spaces := m.Spaces()
	files := []string{}
	write := func(table string, keep func(key, value []byte) bool) error {
		pairs := []Op{}
		m.db.Each([]byte(table), func(key, value []byte) bool {
			if keep(key, value) {
				pairs = append(pairs, Op{key, value})
			}
			return true
		})
		if len(pairs) == 0 {
			return nil
		}
		file := filepath.Join(folder, table+".sst")
		files = append(files, m.reported(file))
		return WriteTable(file, pairs)
	}
	for _, table := range bySpace {
		err := write(table, func(key, _ []byte) bool { return slices.Contains(ids, idOf(key, table, 0)) })
		if err != nil {
			return nil, err
		}
	}
	for _, table := range whole {
		if err := write(table, func(_, _ []byte) bool { return true }); err != nil {
			return nil, err
		}
	}
	err := write("__index__", func(key, _ []byte) bool {
		named := strings.TrimPrefix(string(key), "__index__")
		return slices.ContainsFunc(ids, func(id int32) bool { return spaces[id].Name == named })
	})
	logf("sst files count was: %d", len(files))
	return files, err
}

// reported is a path as an answer has it: 2.0 gives what was configured, later ones the real path.
func (m *Metad) reported(path string) string {
	if m.Release < 20100 {
		return path
	}
	return m.absolute(path)
}

// RestoreMeta ingests tables into this metad's own database, rewrites hosts and removes the files
// (specs/nebula.md §2.2).
func (m *Metad) RestoreMeta(files []string, pairs []HostPair) Code {
	if len(files) == 0 {
		logf("restore must contain the sst file.")
		return "E_RESTORE_FAILURE"
	}
	for _, file := range files {
		if opened, err := os.Open(file); err != nil {
			logf("%v", err)
			return "E_RESTORE_FAILURE"
		} else {
			opened.Close()
		}
	}
	if err := m.db.Ingest(files); err != nil {
		logf("Failed to restore file: %v", err)
		return "E_RESTORE_FAILURE"
	}
	if code := m.Faults.At("restoreMeta:ingested"); code != "" {
		return code
	}
	if _, leads := m.raft.state(); !leads && len(pairs) > 0 && m.Release < 30000 {
		// Up to 2.6 these rows are read as only a leader may read them.
		if m.Release < 20100 {
			return "E_RESTORE_FAILURE"
		}
		return "E_LEADER_CHANGED"
	}
	if err := m.db.Apply(m.rewritten(pairs)); err != nil {
		logf("%v", err)
		return "E_RESTORE_FAILURE"
	}
	if err := m.db.Flush(); err != nil {
		return "E_RESTORE_FAILURE"
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			logf("%v", err)
		}
	}
	return ok
}

// rewritten gives the rows with hosts replaced: one pair after the other up to 3.0, so that swaps
// collapse; by one map since.
func (m *Metad) rewritten(pairs []HostPair) []Op {
	steps := [][]HostPair{pairs}
	if m.Release < 30100 {
		steps = nil
		for _, pair := range pairs {
			steps = append(steps, []HostPair{pair})
		}
	}
	replaced := func(addr Addr) Addr {
		for _, step := range steps {
			for _, pair := range step {
				if pair.From == addr {
					addr = pair.To
					break
				}
			}
		}
		return addr
	}
	ops := []Op{}
	for space, parts := range m.parts() {
		for part, peers := range parts {
			for index := range peers {
				peers[index] = replaced(peers[index])
			}
			ops = append(ops, Op{spaceKey("__parts__", space, id4(part)), encoded(peers)})
		}
	}
	return append(ops, m.rewrittenZones(replaced)...)
}

func (m *Metad) rewrittenZones(replaced func(Addr) Addr) []Op {
	ops := []Op{}
	renamed := map[string]string{}
	for name, hosts := range m.zones() {
		fresh := name
		for index, host := range hosts {
			hosts[index] = replaced(host)
			if m.Release >= 30100 && name == defaultZone(host) {
				fresh = defaultZone(hosts[index])
			}
		}
		if fresh != name {
			renamed[name] = fresh
			ops = append(ops, Op{Key: []byte("__zones__" + name)})
		}
	}
	later := []Op{}
	for name, hosts := range m.zones() {
		fresh := name
		if to, found := renamed[name]; found {
			fresh = to
		}
		for index := range hosts {
			hosts[index] = replaced(hosts[index])
		}
		later = append(later, Op{[]byte("__zones__" + fresh), encoded(hosts)})
	}
	if m.Release >= 30100 {
		m.db.Each([]byte("__machines__"), func(key, _ []byte) bool {
			ops = append(ops, Op{Key: key})
			addr := ParseAddr(strings.TrimPrefix(string(key), "__machines__"))
			later = append(later, Op{machineKey(replaced(addr)), []byte("{}")})
			return true
		})
		for id, desc := range m.Spaces() {
			for index, zone := range desc.Zones {
				if fresh, found := renamed[zone]; found {
					desc.Zones[index] = fresh
				}
			}
			later = append(later, Op{spaceKey("__spaces__", id), encoded(desc)})
		}
	}
	return append(ops, later...)
}

func defaultZone(addr Addr) string { return fmt.Sprintf("default_zone_%s_%d", addr.Host, addr.Port) }
