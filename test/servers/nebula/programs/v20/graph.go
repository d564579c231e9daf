package main

import (
	"net"

	"bkp.test/nebula/core"
	"github.com/vesoft-inc/nebula-go/v2/nebula"
	"github.com/vesoft-inc/nebula-go/v2/nebula/graph"
)

// graphHandler is graphd's service for one connection.
type graphHandler struct {
	graph.GraphService
	g    *core.Graphd
	conn net.Conn
}

func (h *graphHandler) Authenticate(username, password []byte) (*graph.AuthResponse, error) {
	resp := graph.NewAuthResponse()
	code := h.g.Faults.Call("authenticate", h.conn, func() core.Code {
		id, code, message := h.g.Authenticate(string(username), string(password))
		if code == "SUCCEEDED" {
			resp.SessionID = &id
		} else {
			resp.ErrorMsg = []byte(message)
		}
		return code
	})
	resp.ErrorCode = graphNumber(code)
	return resp, nil
}

func (h *graphHandler) Signout(id int64) error {
	h.g.Signout(id)
	return nil
}

func (h *graphHandler) Execute(id int64, statement []byte) (*graph.ExecutionResponse, error) {
	var result core.Result
	code := h.g.Faults.Call("execute", h.conn, func() core.Code {
		result = h.g.Execute(id, string(statement))
		return result.Code
	})
	resp := &graph.ExecutionResponse{ErrorCode: graphNumber(code), LatencyInUs: int32(result.Micros), SpaceName: []byte(result.Space)}
	if code != "SUCCEEDED" {
		resp.ErrorMsg = []byte(result.Message)
	} else if result.Columns != nil {
		resp.Data = data(result)
	}
	return resp, nil
}

func graphNumber(code core.Code) graph.ErrorCode {
	if found, known := graph.ErrorCodeToValue[code]; known {
		return found
	}
	return graph.ErrorCode_E_EXECUTION_ERROR
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
				// The union of 2.0.0-ga does not count text among what is set, and refuses to be written without.
				null := nebula.NullType___NULL__
				value.NVal = &null
			}
			row.Values = append(row.Values, value)
		}
		set.Rows = append(set.Rows, row)
	}
	return set
}
