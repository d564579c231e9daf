package core

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// Fault is what happens to the next calls of a method, or at a named point within one
// (`createBackup:blocked`).
type Fault struct {
	Method string `json:"method"`
	// Times is how often; 1 where it is not given, for ever below 0.
	Times   int  `json:"times"`
	Code    Code `json:"code,omitempty"`
	DelayMs int  `json:"delayMs,omitempty"`
	// Drop closes the connection `before` the work is done, or `after`, without an answer.
	Drop string `json:"drop,omitempty"`
	// Kill ends the process there as SIGKILL does.
	Kill bool `json:"kill,omitempty"`
	// StepDown makes it give its leadership up there, to StepDownTo if that is given.
	StepDown   bool   `json:"stepDown,omitempty"`
	StepDownTo string `json:"stepDownTo,omitempty"`
}

// dropped begins what is kept of a call in place of its code, where the connection was closed.
const dropped = "dropped "

// Call is one call that was served.
type Call struct {
	Method string    `json:"method"`
	At     time.Time `json:"at"`
	Millis int64     `json:"millis"`
	Code   Code      `json:"code"`
}

// Faults are those of one process, set by tests over its HTTP port.
type Faults struct {
	mutex    sync.Mutex
	faults   []Fault
	calls    []Call
	knows    func(Code) bool
	stepDown func(to string)
}

func (f *Faults) take(method string) (Fault, bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for index := range f.faults {
		fault := &f.faults[index]
		if fault.Method != method || fault.Times == 0 {
			continue
		}
		if fault.Times > 0 {
			fault.Times--
		}
		return *fault, true
	}
	return Fault{}, false
}

// At is a named point within a call: the code that is to be answered there, or nothing.
func (f *Faults) At(point string) Code {
	fault, found := f.take(point)
	if !found {
		return ""
	}
	logf("fault at %s: %+v", point, fault)
	time.Sleep(time.Duration(fault.DelayMs) * time.Millisecond)
	if fault.Kill {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	if fault.StepDown && f.stepDown != nil {
		f.stepDown(fault.StepDownTo)
	}
	return fault.Code
}

// Call does a call's work, or what a fault makes of it; conn may be nil.
func (f *Faults) Call(method string, conn net.Conn, work func() Code) Code {
	started := time.Now()
	code := f.faulty(method, conn, work)
	f.mutex.Lock()
	f.calls = append(f.calls, Call{method, started, time.Since(started).Milliseconds(), code})
	f.mutex.Unlock()
	if code != ok {
		logf("%s: %s", method, code)
	}
	return code
}

func (f *Faults) faulty(method string, conn net.Conn, work func() Code) Code {
	fault, found := f.take(method)
	if !found {
		return work()
	}
	logf("fault of %s: %+v", method, fault)
	time.Sleep(time.Duration(fault.DelayMs) * time.Millisecond)
	if fault.Kill {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	if fault.StepDown && f.stepDown != nil {
		f.stepDown(fault.StepDownTo)
	}
	if fault.Drop == "before" && conn != nil {
		conn.Close()
		return dropped + "before"
	}
	if fault.Code != "" {
		return fault.Code
	}
	code := work()
	if fault.Drop == "after" && conn != nil {
		conn.Close()
		return dropped + "after"
	}
	return code
}

func (f *Faults) serve(mux *http.ServeMux) {
	mux.HandleFunc("/test/faults", func(out http.ResponseWriter, request *http.Request) {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		switch request.Method {
		case http.MethodPost:
			var fault Fault
			if err := json.NewDecoder(request.Body).Decode(&fault); err != nil {
				http.Error(out, err.Error(), http.StatusBadRequest)
				return
			}
			if fault.Code != "" && !f.knows(fault.Code) {
				http.Error(out, "this generation has no code "+fault.Code, http.StatusBadRequest)
				return
			}
			if fault.Times == 0 {
				fault.Times = 1
			}
			f.faults = append(f.faults, fault)
		case http.MethodDelete:
			f.faults = nil
		}
		answer(out, f.faults)
	})
	mux.HandleFunc("/test/calls", func(out http.ResponseWriter, _ *http.Request) {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		answer(out, f.calls)
	})
}
