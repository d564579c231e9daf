package main

import (
	"context"
	"net"
	"time"

	"bkp.test/nebula/core"
	"github.com/vesoft-inc/fbthrift/thrift/lib/go/thrift"
	"github.com/vesoft-inc/nebula-go/v3/nebula"
	"github.com/vesoft-inc/nebula-go/v3/nebula/storage"
)

// adminHandler is storaged's admin service for one connection.
type adminHandler struct {
	storage.StorageAdminService
	s    *core.Storaged
	conn net.Conn
}

func checkpointInfo(made core.Checkpoint) *nebula.CheckpointInfo {
	info := &nebula.CheckpointInfo{SpaceID: made.Space, DataPath: []byte(made.Path), Parts: map[nebula.PartitionID]*nebula.LogInfo{}}
	for part, log := range made.Parts {
		info.Parts[part] = &nebula.LogInfo{LogID: log.ID, TermID: log.Term, CommitLogID: log.ID, CheckpointPath: []byte{}}
	}
	return info
}

func (h *adminHandler) CreateCheckpoint(_ context.Context, req *storage.CreateCPRequest) (*storage.CreateCPResp, error) {
	resp := &storage.CreateCPResp{Info: []*nebula.CheckpointInfo{}}
	resp.Code = number(h.s.Faults.Call("createCheckpoint", h.conn, func() core.Code {
		made, code := h.s.CreateCheckpoint(req.SpaceIds, string(req.Name))
		for _, checkpoint := range made {
			resp.Info = append(resp.Info, checkpointInfo(checkpoint))
		}
		return code
	}))
	return resp, nil
}

func (h *adminHandler) DropCheckpoint(_ context.Context, req *storage.DropCPRequest) (*storage.DropCPResp, error) {
	code := h.s.Faults.Call("dropCheckpoint", h.conn, func() core.Code { return h.s.DropCheckpoint(req.SpaceIds, string(req.Name)) })
	return &storage.DropCPResp{Code: number(code)}, nil
}

func (h *adminHandler) BlockingWrites(_ context.Context, req *storage.BlockingSignRequest) (*storage.BlockingSignResp, error) {
	code := h.s.Faults.Call("blockingWrites", h.conn, func() core.Code {
		return h.s.Block(req.SpaceIds, req.Sign == storage.EngineSignType_BLOCK_ON)
	})
	return &storage.BlockingSignResp{Code: number(code)}, nil
}

// adminClient is metad's side, the vendor's own client.
type adminClient struct {
	client *storage.StorageAdminServiceClient
}

func dialAdmin(addr core.Addr) (core.AdminClient, error) {
	conn, err := net.DialTimeout("tcp", addr.String(), 2*time.Second)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	socket, err := thrift.NewSocket(thrift.SocketConn(conn))
	if err != nil {
		return nil, err
	}
	transport := thrift.NewFramedTransport(thrift.NewBufferedTransportFactory(128 << 10).GetTransport(socket))
	return adminClient{storage.NewStorageAdminServiceClientFactory(transport, thrift.NewBinaryProtocolFactoryDefault())}, nil
}

func (a adminClient) Close() { a.client.Close() }

func name(code nebula.ErrorCode) core.Code { return nebula.ErrorCodeToName[code] }

func (a adminClient) Block(spaces []int32, on bool) (core.Code, error) {
	sign := storage.EngineSignType_BLOCK_OFF
	if on {
		sign = storage.EngineSignType_BLOCK_ON
	}
	resp, err := a.client.BlockingWrites(&storage.BlockingSignRequest{SpaceIds: spaces, Sign: sign})
	if err != nil {
		return "", err
	}
	return name(resp.Code), nil
}

func (a adminClient) CreateCheckpoint(spaces []int32, label string) ([]core.Checkpoint, core.Code, error) {
	resp, err := a.client.CreateCheckpoint(&storage.CreateCPRequest{SpaceIds: spaces, Name: []byte(label)})
	if err != nil {
		return nil, "", err
	}
	found := []core.Checkpoint{}
	for _, info := range resp.Info {
		made := core.Checkpoint{Space: info.SpaceID, Path: string(info.DataPath), Parts: map[int32]core.Log{}}
		for part, log := range info.Parts {
			made.Parts[part] = core.Log{ID: log.LogID, Term: log.TermID}
		}
		found = append(found, made)
	}
	return found, name(resp.Code), nil
}

func (a adminClient) DropCheckpoint(spaces []int32, label string) (core.Code, error) {
	resp, err := a.client.DropCheckpoint(&storage.DropCPRequest{SpaceIds: spaces, Name: []byte(label)})
	if err != nil {
		return "", err
	}
	return name(resp.Code), nil
}
