package main

import (
	"net"

	"bkp.test/nebula/core"
	"github.com/vesoft-inc/nebula-go/v2/nebula"
	"github.com/vesoft-inc/nebula-go/v2/nebula/meta"
)

// metaHandler is metad's service for one connection.
type metaHandler struct {
	meta.MetaService
	m    *core.Metad
	conn net.Conn
}

func address(addr core.Addr) *nebula.HostAddr {
	return &nebula.HostAddr{Host: addr.Host, Port: nebula.Port(addr.Port)}
}

func number(code core.Code) meta.ErrorCode {
	if found, known := meta.ErrorCodeToValue[code]; known {
		return found
	}
	core.NoAnswer(code)
	return meta.ErrorCode_E_UNKNOWN
}

func (h *metaHandler) leader() *nebula.HostAddr { return address(h.m.Leader()) }

func (h *metaHandler) call(method string, work func() core.Code) meta.ErrorCode {
	return number(h.m.Faults.Call(method, h.conn, work))
}

func (h *metaHandler) exec(method string, work func() core.Code) (*meta.ExecResp, error) {
	code := h.call(method, work)
	// A union of this generation has to hold something.
	none := nebula.GraphSpaceID(0)
	return &meta.ExecResp{Code: code, Leader: h.leader(), Id: &meta.ID{SpaceID: &none}}, nil
}

func described(desc core.SpaceDesc) *meta.SpaceDesc {
	made := &meta.SpaceDesc{
		SpaceName: []byte(desc.Name), PartitionNum: desc.Partitions, ReplicaFactor: desc.Replicas,
		CharsetName: []byte("utf8"), CollateName: []byte("utf8_bin"),
		VidType: &meta.ColumnTypeDef{Type: meta.PropertyType_FIXED_STRING, TypeLength: desc.VidLength},
	}
	return made
}

func (h *metaHandler) ListSpaces(_ *meta.ListSpacesReq) (*meta.ListSpacesResp, error) {
	resp := &meta.ListSpacesResp{Spaces: []*meta.IdName{}}
	resp.Code = h.call("listSpaces", func() core.Code {
		return h.m.Led(func() core.Code {
			spaces := h.m.Spaces()
			for _, id := range core.SpaceIDs(spaces) {
				resp.Spaces = append(resp.Spaces, &meta.IdName{Id: &meta.ID{SpaceID: (*nebula.GraphSpaceID)(&id)}, Name: []byte(spaces[id].Name)})
			}
			return "SUCCEEDED"
		})
	})
	resp.Leader = h.leader()
	return resp, nil
}

func (h *metaHandler) GetSpace(req *meta.GetSpaceReq) (*meta.GetSpaceResp, error) {
	// An item without properties cannot be written in 2.0: a metad always writes them.
	resp := &meta.GetSpaceResp{Item: &meta.SpaceItem{Properties: described(core.SpaceDesc{})}}
	resp.Code = h.call("getSpace", func() core.Code {
		return h.m.Led(func() core.Code {
			id, desc, code := h.m.GetSpace(string(req.SpaceName))
			if code == "SUCCEEDED" {
				resp.Item = &meta.SpaceItem{SpaceID: nebula.GraphSpaceID(id), Properties: described(desc)}
			}
			return code
		})
	})
	resp.Leader = h.leader()
	return resp, nil
}

func (h *metaHandler) DropSpace(req *meta.DropSpaceReq) (*meta.ExecResp, error) {
	return h.exec("dropSpace", func() core.Code {
		return h.m.Led(func() core.Code { return h.m.DropSpace(string(req.SpaceName), req.IfExists) })
	})
}

var roles = map[string]meta.HostRole{
	"GRAPH": meta.HostRole_GRAPH, "META": meta.HostRole_META, "STORAGE": meta.HostRole_STORAGE,
}

func numbers(parts map[string][]int32) map[string][]nebula.PartitionID {
	found := map[string][]nebula.PartitionID{}
	for name, list := range parts {
		for _, part := range list {
			found[name] = append(found[name], nebula.PartitionID(part))
		}
	}
	return found
}

func (h *metaHandler) ListHosts(req *meta.ListHostsReq) (*meta.ListHostsResp, error) {
	resp := &meta.ListHostsResp{Hosts: []*meta.HostItem{}}
	resp.Code = h.call("listHosts", func() core.Code {
		rows, code := h.m.ListHosts(req.Type.String())
		for _, row := range rows {
			item := &meta.HostItem{
				HostAddr: address(row.Addr), Status: meta.HostStatus_OFFLINE, Role: roles[row.Role], GitInfoSha: []byte(row.Sha),
				LeaderParts: numbers(row.Leaders), AllParts: numbers(row.Parts),
			}
			if row.Online {
				item.Status = meta.HostStatus_ONLINE
			}
			resp.Hosts = append(resp.Hosts, item)
		}
		return code
	})
	resp.Leader = h.leader()
	return resp, nil
}

func (h *metaHandler) CreateSnapshot(*meta.CreateSnapshotReq) (*meta.ExecResp, error) {
	return h.exec("createSnapshot", h.m.CreateSnapshot)
}

func (h *metaHandler) DropSnapshot(req *meta.DropSnapshotReq) (*meta.ExecResp, error) {
	return h.exec("dropSnapshot", func() core.Code {
		return h.m.DropSnapshot(string(req.Name))
	})
}

func (h *metaHandler) ListSnapshots(*meta.ListSnapshotsReq) (*meta.ListSnapshotsResp, error) {
	resp := &meta.ListSnapshotsResp{Snapshots: []*meta.Snapshot{}}
	resp.Code = h.call("listSnapshots", func() core.Code {
		rows, code := h.m.ListSnapshots()
		for _, row := range rows {
			status := meta.SnapshotStatus_INVALID
			if row.Valid {
				status = meta.SnapshotStatus_VALID
			}
			resp.Snapshots = append(resp.Snapshots, &meta.Snapshot{Name: []byte(row.Name), Status: status, Hosts: []byte(row.Hosts)})
		}
		return code
	})
	resp.Leader = h.leader()
	return resp, nil
}

func (h *metaHandler) CreateBackup(req *meta.CreateBackupReq) (*meta.CreateBackupResp, error) {
	resp := &meta.CreateBackupResp{Meta: meta.NewBackupMeta()}
	resp.Code = h.call("createBackup", func() core.Code {
		made, code := h.m.CreateBackup(core.Texts(req.Spaces), req.Spaces == nil)
		if code == "SUCCEEDED" {
			resp.Meta = backup(made)
		}
		return code
	})
	resp.Leader = h.leader()
	return resp, nil
}

func backup(made core.Backup) *meta.BackupMeta {
	found := &meta.BackupMeta{
		BackupInfo: map[nebula.GraphSpaceID]*meta.SpaceBackupInfo{}, MetaFiles: [][]byte{}, BackupName: []byte(made.Name),
	}
	for _, file := range made.Files {
		found.MetaFiles = append(found.MetaFiles, []byte(file))
	}
	for id, space := range made.Spaces {
		// Partitions were never told.
		info := &meta.SpaceBackupInfo{Space: described(space.Desc), PartitionInfo: nebula.NewPartitionBackupInfo(), CpDirs: []*meta.CheckpointInfo{}}
		for _, host := range space.Hosts {
			for _, checkpoint := range host.Checkpoints {
				info.CpDirs = append(info.CpDirs, &meta.CheckpointInfo{Host: address(host.Host), CheckpointDir: []byte(checkpoint.Path)})
			}
		}
		found.BackupInfo[nebula.GraphSpaceID(id)] = info
	}
	return found
}

func (h *metaHandler) RestoreMeta(req *meta.RestoreMetaReq) (*meta.ExecResp, error) {
	return h.exec("restoreMeta", func() core.Code {
		pairs := []core.HostPair{}
		for _, pair := range req.Hosts {
			pairs = append(pairs, core.HostPair{From: known(pair.FromHost), To: known(pair.ToHost)})
		}
		return h.m.RestoreMeta(core.Texts(req.Files), pairs)
	})
}

func known(addr *nebula.HostAddr) core.Addr {
	return core.Addr{Host: addr.Host, Port: int32(addr.Port)}
}
