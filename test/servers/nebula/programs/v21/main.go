// The stand-in for NebulaGraph 2.1 to 2.6: the vendor's generated code of 2.5.1 in front of core.
package main

import (
	"context"
	"net"

	"bkp.test/nebula/core"
	"github.com/facebook/fbthrift/thrift/lib/go/thrift"
	"github.com/vesoft-inc/nebula-go/v2/nebula"
	"github.com/vesoft-inc/nebula-go/v2/nebula/graph"
	"github.com/vesoft-inc/nebula-go/v2/nebula/meta"
	"github.com/vesoft-inc/nebula-go/v2/nebula/storage"
)

func main() {
	core.Main(core.Wire{
		Release: "2.5.1",
		ServeMeta: func(conn net.Conn, m *core.Metad) {
			serve(conn, meta.NewMetaServiceProcessor(&metaHandler{m: m, conn: conn}))
		},
		ServeAdmin: func(conn net.Conn, s *core.Storaged) {
			serve(conn, storage.NewStorageAdminServiceProcessor(&adminHandler{s: s, conn: conn}))
		},
		ServeGraph: func(conn net.Conn, g *core.Graphd) {
			serve(conn, graph.NewGraphServiceProcessor(&graphHandler{g: g, conn: conn}))
		},
		DialAdmin: dialAdmin,
		Knows: func(code core.Code) bool {
			_, err := nebula.ErrorCodeFromString(code)
			return err == nil
		},
	})
}

func number(code core.Code) nebula.ErrorCode {
	found, err := nebula.ErrorCodeFromString(code)
	if err != nil {
		core.NoAnswer(code)
		return nebula.ErrorCode_E_UNKNOWN
	}
	return found
}

// serve answers calls in the dialect of the client, until it goes.
func serve(conn net.Conn, processor thrift.ProcessorContext) {
	peeked, dialect := core.Dialect(conn)
	socket, err := thrift.NewSocket(thrift.SocketConn(peeked))
	if err != nil {
		return
	}
	buffered := thrift.NewBufferedTransportFactory(128 << 10).GetTransport(socket)
	var protocol thrift.Protocol
	switch dialect {
	case "framed":
		protocol = thrift.NewBinaryProtocolFactoryDefault().GetProtocol(thrift.NewFramedTransport(buffered))
	case "unframed":
		protocol = thrift.NewBinaryProtocolFactoryDefault().GetProtocol(buffered)
	case "header":
		protocol = thrift.NewHeaderProtocolFactory().GetProtocol(thrift.NewHeaderTransport(buffered))
	default:
		return
	}
	for {
		isOpen, err := thrift.ProcessContext(context.Background(), withUnknown{processor}, protocol, protocol)
		if err != nil || !isOpen {
			return
		}
	}
}

// withUnknown answers methods that a service lacks as the C++ servers do: in the name of `process`.
type withUnknown struct{ thrift.ProcessorContext }

func (p withUnknown) GetProcessorFunctionContext(name string) (thrift.ProcessorFunctionContext, error) {
	found, err := p.ProcessorContext.GetProcessorFunctionContext(name)
	if found != nil || err != nil {
		return found, err
	}
	return unknown{name}, nil
}

type unknown struct{ name string }

func (u unknown) Read(input thrift.Protocol) (thrift.Struct, thrift.Exception) {
	if err := input.Skip(thrift.STRUCT); err != nil {
		return nil, err
	}
	return nil, input.ReadMessageEnd()
}

func (u unknown) RunContext(context.Context, thrift.Struct) (thrift.WritableStruct, thrift.ApplicationException) {
	return nil, thrift.NewApplicationException(thrift.UNKNOWN_METHOD, "Method name "+u.name+" not found")
}

func (u unknown) Write(id int32, result thrift.WritableStruct, output thrift.Protocol) thrift.Exception {
	if err := output.WriteMessageBegin("process", thrift.EXCEPTION, id); err != nil {
		return err
	}
	if err := result.Write(output); err != nil {
		return err
	}
	if err := output.WriteMessageEnd(); err != nil {
		return err
	}
	return output.Flush()
}
