package main

import (
	"context"
	"net"
	"time"

	"bkp.test/nebula/core"
	"github.com/facebook/fbthrift/thrift/lib/go/thrift"
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
	info := &nebula.CheckpointInfo{SpaceID: made.Space, Path: []byte(made.Path), Parts: map[nebula.PartitionID]*nebula.LogInfo{}}
	for part, log := range made.Parts {
		info.Parts[part] = &nebula.LogInfo{LogID: log.ID, TermID: log.Term}
	}
	return info
}

func (h *adminHandler) CreateCheckpoint(_ context.Context, req *storage.CreateCPRequest) (*storage.CreateCPResp, error) {
	resp := &storage.CreateCPResp{Info: []*nebula.CheckpointInfo{}}
	code := h.s.Faults.Call("createCheckpoint", h.conn, func() core.Code {
		made, code := h.s.CreateCheckpoint(req.SpaceIds, string(req.Name))
		for _, checkpoint := range made {
			resp.Info = append(resp.Info, checkpointInfo(checkpoint))
		}
		return code
	})
	resp.Result_ = result(code)
	return resp, nil
}

func (h *adminHandler) DropCheckpoint(_ context.Context, req *storage.DropCPRequest) (*storage.AdminExecResp, error) {
	code := h.s.Faults.Call("dropCheckpoint", h.conn, func() core.Code { return h.s.DropCheckpoint(req.SpaceIds, string(req.Name)) })
	return &storage.AdminExecResp{Result_: result(code)}, nil
}

func (h *adminHandler) BlockingWrites(_ context.Context, req *storage.BlockingSignRequest) (*storage.AdminExecResp, error) {
	code := h.s.Faults.Call("blockingWrites", h.conn, func() core.Code {
		return h.s.Block(req.SpaceIds, req.Sign == storage.EngineSignType_BLOCK_ON)
	})
	return &storage.AdminExecResp{Result_: result(code)}, nil
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

// result says of a whole storaged what the wire only has of partitions.
func result(code core.Code) *storage.ResponseCommon {
	common := &storage.ResponseCommon{FailedParts: []*storage.PartitionResult_{}}
	if code != "SUCCEEDED" {
		common.FailedParts = append(common.FailedParts, &storage.PartitionResult_{Code: number(code)})
	}
	return common
}

func name(common *storage.ResponseCommon) core.Code {
	for _, failed := range common.FailedParts {
		return nebula.ErrorCodeToName[failed.Code]
	}
	return "SUCCEEDED"
}

func (a adminClient) Block(spaces []int32, on bool) (core.Code, error) {
	sign := storage.EngineSignType_BLOCK_OFF
	if on {
		sign = storage.EngineSignType_BLOCK_ON
	}
	resp, err := a.client.BlockingWrites(&storage.BlockingSignRequest{SpaceIds: spaces, Sign: sign})
	if err != nil {
		return "", err
	}
	return name(resp.Result_), nil
}

func (a adminClient) CreateCheckpoint(spaces []int32, label string) ([]core.Checkpoint, core.Code, error) {
	resp, err := a.client.CreateCheckpoint(&storage.CreateCPRequest{SpaceIds: spaces, Name: []byte(label)})
	if err != nil {
		return nil, "", err
	}
	found := []core.Checkpoint{}
	for _, info := range resp.Info {
		made := core.Checkpoint{Space: info.SpaceID, Path: string(info.Path), Parts: map[int32]core.Log{}}
		for part, log := range info.Parts {
			made.Parts[part] = core.Log{ID: log.LogID, Term: log.TermID}
		}
		found = append(found, made)
	}
	return found, name(resp.Result_), nil
}

func (a adminClient) DropCheckpoint(spaces []int32, label string) (core.Code, error) {
	resp, err := a.client.DropCheckpoint(&storage.DropCPRequest{SpaceIds: spaces, Name: []byte(label)})
	if err != nil {
		return "", err
	}
	return name(resp.Result_), nil
}
