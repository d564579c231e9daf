package main

import (
	"net"
	"time"

	"bkp.test/nebula/core"
	"github.com/facebook/fbthrift/thrift/lib/go/thrift"
	"github.com/vesoft-inc/nebula-go/v2/nebula"
	"github.com/vesoft-inc/nebula-go/v2/nebula/storage"
)

// adminHandler is storaged's admin service for one connection.
type adminHandler struct {
	storage.StorageAdminService
	s    *core.Storaged
	conn net.Conn
}

func (h *adminHandler) CreateCheckpoint(req *storage.CreateCPRequest) (*storage.CreateCPResp, error) {
	resp := storage.NewCreateCPResp()
	code := h.s.Faults.Call("createCheckpoint", h.conn, func() core.Code {
		made, code := h.s.CreateCheckpoint([]int32{int32(req.SpaceID)}, string(req.Name))
		// All data paths have one, the last is told.
		for _, checkpoint := range made {
			resp.Path = []byte(checkpoint.Path)
		}
		return code
	})
	resp.Result_ = result(code)
	return resp, nil
}

func (h *adminHandler) DropCheckpoint(req *storage.DropCPRequest) (*storage.AdminExecResp, error) {
	code := h.s.Faults.Call("dropCheckpoint", h.conn, func() core.Code { return h.s.DropCheckpoint([]int32{int32(req.SpaceID)}, string(req.Name)) })
	return &storage.AdminExecResp{Result_: result(code)}, nil
}

func (h *adminHandler) BlockingWrites(req *storage.BlockingSignRequest) (*storage.AdminExecResp, error) {
	code := h.s.Faults.Call("blockingWrites", h.conn, func() core.Code {
		return h.s.Block([]int32{int32(req.SpaceID)}, req.Sign == storage.EngineSignType_BLOCK_ON)
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
		common.FailedParts = append(common.FailedParts, &storage.PartitionResult_{Code: storage.ErrorCodeToValue[code]})
	}
	return common
}

func name(common *storage.ResponseCommon) core.Code {
	for _, failed := range common.FailedParts {
		return storage.ErrorCodeToName[failed.Code]
	}
	return "SUCCEEDED"
}

func (a adminClient) Block(spaces []int32, on bool) (core.Code, error) {
	sign := storage.EngineSignType_BLOCK_OFF
	if on {
		sign = storage.EngineSignType_BLOCK_ON
	}
	resp, err := a.client.BlockingWrites(&storage.BlockingSignRequest{SpaceID: nebula.GraphSpaceID(spaces[0]), Sign: sign})
	if err != nil {
		return "", err
	}
	return name(resp.Result_), nil
}

func (a adminClient) CreateCheckpoint(spaces []int32, label string) ([]core.Checkpoint, core.Code, error) {
	resp, err := a.client.CreateCheckpoint(&storage.CreateCPRequest{SpaceID: nebula.GraphSpaceID(spaces[0]), Name: []byte(label)})
	if err != nil {
		return nil, "", err
	}
	found := []core.Checkpoint{{Space: spaces[0], Path: string(resp.Path), Parts: map[int32]core.Log{}}}
	return found, name(resp.Result_), nil
}

func (a adminClient) DropCheckpoint(spaces []int32, label string) (core.Code, error) {
	resp, err := a.client.DropCheckpoint(&storage.DropCPRequest{SpaceID: nebula.GraphSpaceID(spaces[0]), Name: []byte(label)})
	if err != nil {
		return "", err
	}
	return name(resp.Result_), nil
}
