package main

import (
	"context"
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
	return &nebula.HostAddr{Host: addr.Host, Port: addr.Port}
}

func (h *metaHandler) leader() *nebula.HostAddr { return address(h.m.Leader()) }

func (h *metaHandler) call(method string, work func() core.Code) nebula.ErrorCode {
	return number(h.m.Faults.Call(method, h.conn, work))
}

func (h *metaHandler) exec(method string, work func() core.Code) (*meta.ExecResp, error) {
	code := h.call(method, work)
	return &meta.ExecResp{Code: code, Leader: h.leader(), Id: meta.NewID()}, nil
}

func described(desc core.SpaceDesc) *meta.SpaceDesc {
	made := &meta.SpaceDesc{
		SpaceName: []byte(desc.Name), PartitionNum: desc.Partitions, ReplicaFactor: desc.Replicas,
		CharsetName: []byte("utf8"), CollateName: []byte("utf8_bin"),
		VidType: &meta.ColumnTypeDef{Type: meta.PropertyType_FIXED_STRING, TypeLength: desc.VidLength},
	}
	if desc.Comment != "" {
		made.Comment = []byte(desc.Comment)
	}
	return made
}

func directories(root string, data []string) *nebula.DirInfo {
	info := &nebula.DirInfo{Root: []byte(root), Data: [][]byte{}}
	for _, path := range data {
		info.Data = append(info.Data, []byte(path))
	}
	return info
}

func (h *metaHandler) ListSpaces(context.Context, *meta.ListSpacesReq) (*meta.ListSpacesResp, error) {
	resp := &meta.ListSpacesResp{Spaces: []*meta.IdName{}}
	resp.Code = h.call("listSpaces", func() core.Code {
		return h.m.Led(func() core.Code {
			spaces := h.m.Spaces()
			for _, id := range core.SpaceIDs(spaces) {
				resp.Spaces = append(resp.Spaces, &meta.IdName{Id: &meta.ID{SpaceID: &id}, Name: []byte(spaces[id].Name)})
			}
			return "SUCCEEDED"
		})
	})
	resp.Leader = h.leader()
	return resp, nil
}

func (h *metaHandler) GetSpace(_ context.Context, req *meta.GetSpaceReq) (*meta.GetSpaceResp, error) {
	resp := &meta.GetSpaceResp{Item: meta.NewSpaceItem()}
	resp.Code = h.call("getSpace", func() core.Code {
		return h.m.Led(func() core.Code {
			id, desc, code := h.m.GetSpace(string(req.SpaceName))
			if code == "SUCCEEDED" {
				resp.Item = &meta.SpaceItem{SpaceID: id, Properties: described(desc)}
			}
			return code
		})
	})
	resp.Leader = h.leader()
	return resp, nil
}

func (h *metaHandler) DropSpace(_ context.Context, req *meta.DropSpaceReq) (*meta.ExecResp, error) {
	return h.exec("dropSpace", func() core.Code {
		return h.m.Led(func() core.Code { return h.m.DropSpace(string(req.SpaceName), req.IfExists) })
	})
}

var roles = map[string]meta.HostRole{
	"GRAPH": meta.HostRole_GRAPH, "META": meta.HostRole_META, "STORAGE": meta.HostRole_STORAGE,
}

func (h *metaHandler) ListHosts(_ context.Context, req *meta.ListHostsReq) (*meta.ListHostsResp, error) {
	resp := &meta.ListHostsResp{Hosts: []*meta.HostItem{}}
	resp.Code = h.call("listHosts", func() core.Code {
		rows, code := h.m.ListHosts(req.Type.String())
		for _, row := range rows {
			item := &meta.HostItem{
				HostAddr: address(row.Addr), Status: meta.HostStatus_OFFLINE, Role: roles[row.Role], GitInfoSha: []byte(row.Sha),
				LeaderParts: row.Leaders, AllParts: row.Parts,
			}
			if row.Online {
				item.Status = meta.HostStatus_ONLINE
			}
			if row.Version != "" {
				item.Version = []byte(row.Version)
			}
			resp.Hosts = append(resp.Hosts, item)
		}
		return code
	})
	resp.Leader = h.leader()
	return resp, nil
}

func (h *metaHandler) ListCluster(context.Context, *meta.ListClusterInfoReq) (*meta.ListClusterInfoResp, error) {
	resp := &meta.ListClusterInfoResp{MetaServers: []*nebula.HostAddr{}, StorageServers: []*nebula.NodeInfo{}}
	resp.Code = h.call("listCluster", func() core.Code {
		rows, code := h.m.ClusterRows()
		for _, row := range rows {
			switch row.Role {
			case "META":
				resp.MetaServers = append(resp.MetaServers, address(row.Addr))
			case "STORAGE":
				resp.StorageServers = append(resp.StorageServers, &nebula.NodeInfo{Host: address(row.Addr), Dir: directories(row.Root, row.Data)})
			}
		}
		return code
	})
	resp.Leader = h.leader()
	return resp, nil
}

func (h *metaHandler) GetMetaDirInfo(context.Context, *meta.GetMetaDirInfoReq) (*meta.GetMetaDirInfoResp, error) {
	code := h.call("getMetaDirInfo", func() core.Code { return "SUCCEEDED" })
	return &meta.GetMetaDirInfoResp{Code: code, Dir: directories(h.m.Directories())}, nil
}

func (h *metaHandler) CreateSnapshot(context.Context, *meta.CreateSnapshotReq) (*meta.ExecResp, error) {
	return h.exec("createSnapshot", h.m.CreateSnapshot)
}

func (h *metaHandler) DropSnapshot(_ context.Context, req *meta.DropSnapshotReq) (*meta.ExecResp, error) {
	return h.exec("dropSnapshot", func() core.Code {
		return h.m.DropSnapshot(string(req.Name))
	})
}

func (h *metaHandler) ListSnapshots(context.Context, *meta.ListSnapshotsReq) (*meta.ListSnapshotsResp, error) {
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

func (h *metaHandler) CreateBackup(_ context.Context, req *meta.CreateBackupReq) (*meta.CreateBackupResp, error) {
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
		Full: made.Full, IncludeSystemSpace: made.AllSpaces, CreateTime: made.CreateTime,
	}
	for _, file := range made.Files {
		found.MetaFiles = append(found.MetaFiles, []byte(file))
	}
	for id, space := range made.Spaces {
		info := &meta.SpaceBackupInfo{Space: described(space.Desc)}
		for _, host := range space.Hosts {
			one := &meta.BackupInfo{Host: address(host.Host)}
			for _, checkpoint := range host.Checkpoints {
				one.Info = append(one.Info, checkpointInfo(checkpoint))
			}
			info.Info = append(info.Info, one)
		}
		found.BackupInfo[id] = info
	}
	return found
}

func (h *metaHandler) RestoreMeta(_ context.Context, req *meta.RestoreMetaReq) (*meta.ExecResp, error) {
	return h.exec("restoreMeta", func() core.Code {
		pairs := []core.HostPair{}
		for _, pair := range req.Hosts {
			pairs = append(pairs, core.HostPair{From: known(pair.FromHost), To: known(pair.ToHost)})
		}
		return h.m.RestoreMeta(core.Texts(req.Files), pairs)
	})
}

func known(addr *nebula.HostAddr) core.Addr { return core.Addr{Host: addr.Host, Port: addr.Port} }
