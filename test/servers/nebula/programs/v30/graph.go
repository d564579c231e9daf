package main

import (
	"context"
	"net"

	"bkp.test/nebula/core"
	"github.com/vesoft-inc/nebula-go/v3/nebula"
	"github.com/vesoft-inc/nebula-go/v3/nebula/graph"
)

// graphHandler is graphd's service for one connection.
type graphHandler struct {
	graph.GraphService
	g    *core.Graphd
	conn net.Conn
}

func (h *graphHandler) Authenticate(_ context.Context, username, password []byte) (*graph.AuthResponse, error) {
	resp := graph.NewAuthResponse()
	resp.ErrorCode = number(h.g.Faults.Call("authenticate", h.conn, func() core.Code {
		id, code, message := h.g.Authenticate(string(username), string(password))
		if code == "SUCCEEDED" {
			resp.SessionID = &id
		} else {
			resp.ErrorMsg = []byte(message)
		}
		return code
	}))
	return resp, nil
}

func (h *graphHandler) Signout(_ context.Context, id int64) error {
	h.g.Signout(id)
	return nil
}

func (h *graphHandler) VerifyClientVersion(_ context.Context, req *graph.VerifyClientVersionReq) (*graph.VerifyClientVersionResp, error) {
	return &graph.VerifyClientVersionResp{ErrorCode: number("SUCCEEDED")}, nil
}

func (h *graphHandler) Execute(_ context.Context, id int64, statement []byte) (*graph.ExecutionResponse, error) {
	var result core.Result
	code := h.g.Faults.Call("execute", h.conn, func() core.Code {
		result = h.g.Execute(id, string(statement))
		return result.Code
	})
	resp := &graph.ExecutionResponse{ErrorCode: number(code), LatencyInUs: result.Micros, SpaceName: []byte(result.Space)}
	if code != "SUCCEEDED" {
		resp.ErrorMsg = []byte(result.Message)
	} else if result.Columns != nil {
		resp.Data = data(result)
	}
	return resp, nil
}

func data(result core.Result) *nebula.DataSet {
	set := &nebula.DataSet{Rows: []*nebula.Row{}}
	for _, column := range result.Columns {
		set.ColumnNames = append(set.ColumnNames, []byte(column))
	}
	for _, cells := range result.Rows {
		row := &nebula.Row{}
		for _, cell := range cells {
			value := nebula.NewValue()
			switch cell := cell.(type) {
			case int64:
				value.IVal = &cell
			case string:
				value.SVal = []byte(cell)
			}
			row.Values = append(row.Values, value)
		}
		set.Rows = append(set.Rows, row)
	}
	return set
}
