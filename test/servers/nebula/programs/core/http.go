package core

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sort"
	"strings"
	"time"
)

func answer(out http.ResponseWriter, value any) {
	out.Header().Set("Content-Type", "application/json")
	json.NewEncoder(out).Encode(value)
}

func decoded[In any](request *http.Request) (In, error) {
	var in In
	return in, json.NewDecoder(request.Body).Decode(&in)
}

// handle answers a JSON request with JSON.
func handle[In, Out any](mux *http.ServeMux, path string, work func(In) (Out, error)) {
	mux.HandleFunc(path, func(out http.ResponseWriter, request *http.Request) {
		var in In
		if request.Method == http.MethodPost {
			got, err := decoded[In](request)
			if err != nil {
				http.Error(out, err.Error(), http.StatusBadRequest)
				return
			}
			in = got
		}
		value, err := work(in)
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(out, value)
	})
}

var clients = &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 5 * time.Second}

// ask sends a JSON request to another process of the cluster, by our own protocol.
func ask[Out any](to Addr, path string, in any, timeout time.Duration) (Out, error) {
	var value Out
	body, err := json.Marshal(in)
	if err != nil {
		return value, err
	}
	client := http.Client{Transport: clients, Timeout: timeout}
	response, err := client.Post("http://"+to.String()+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return value, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return value, fmt.Errorf("%s%s: %s", to, path, strings.TrimSpace(string(text)))
	}
	return value, json.NewDecoder(response.Body).Decode(&value)
}

func listen(addr Addr) (net.Listener, error) { return net.Listen("tcp", addr.String()) }

func serveHTTP(addr Addr, mux *http.ServeMux) (net.Listener, error) {
	listener, err := listen(addr)
	if err == nil {
		go http.Serve(listener, mux)
	}
	return listener, err
}

func serveConns(listener net.Listener, serve func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			// A handler that panics must not be taken for an answer, nor end the process.
			defer func() {
				if cause := recover(); cause != nil {
					logf("connection of %s: %v", conn.RemoteAddr(), cause)
				}
			}()
			serve(conn)
		}()
	}
}

// serveWeb is the ws_http port: `/status`, `/flags` as daemons have them, and `/test/...` for tests.
func serveWeb(addr Addr, conf Conf, faults *Faults, status func() string, more func(*http.ServeMux)) (net.Listener, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("/status", func(out http.ResponseWriter, _ *http.Request) {
		answer(out, map[string]string{"git_info_sha": gitSha, "status": status()})
	})
	mux.HandleFunc("/flags", func(out http.ResponseWriter, request *http.Request) {
		names := strings.Split(request.URL.Query().Get("names"), ",")
		if names[0] == "" {
			names = names[:0]
			for name := range conf {
				names = append(names, name)
			}
			sort.Strings(names)
		}
		if request.URL.Query().Get("format") == "json" {
			found := map[string]string{}
			for _, name := range names {
				if value, there := conf[name]; there {
					found[name] = value
				}
			}
			answer(out, found)
			return
		}
		for _, name := range names {
			if value, there := conf[name]; there {
				fmt.Fprintf(out, "%s=%s\n", name, value)
			} else {
				fmt.Fprintf(out, "%s=nullptr\n", name)
			}
		}
	})
	faults.serve(mux)
	more(mux)
	return serveHTTP(addr, mux)
}

const gitSha = "46b2aac66"

// Peeked is a connection of which the first bytes were looked at.
type Peeked struct {
	net.Conn
	reader *bufio.Reader
}

// Read gives the bytes that were looked at first.
func (p *Peeked) Read(data []byte) (int, error) { return p.reader.Read(data) }

// Dialect is what a client speaks, told by its first bytes as fbthrift's servers do: `framed` or
// `unframed` binary, `header`, or nothing that is known.
func Dialect(conn net.Conn) (*Peeked, string) {
	peeked := &Peeked{conn, bufio.NewReader(conn)}
	first, err := peeked.reader.Peek(8)
	if err != nil {
		return peeked, ""
	}
	switch {
	case first[0] == 0x80 && first[1] == 0x01:
		return peeked, "unframed"
	case first[4] == 0x80 && first[5] == 0x01:
		return peeked, "framed"
	case first[4] == 0x0f && first[5] == 0xff:
		return peeked, "header"
	}
	return peeked, ""
}
