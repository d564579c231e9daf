// Package core is the state and behaviour of the stand-ins, whatever the generation: a program per
// generation puts the vendor's generated Thrift code in front of it.
package core

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Addr is an address as services of the cluster know each other.
type Addr struct {
	Host string `json:"host"`
	Port int32  `json:"port"`
}

func (a Addr) String() string { return fmt.Sprintf("%s:%d", a.Host, a.Port) }

// Plus is a port of the same service beside its own: +1 raft, -1 admin, -2 internal.
func (a Addr) Plus(offset int32) Addr { return Addr{a.Host, a.Port + offset} }

// ParseAddr reads `host:port`.
func ParseAddr(text string) Addr {
	at := strings.LastIndex(text, ":")
	port, err := strconv.Atoi(text[at+1:])
	if at < 0 || err != nil {
		panic("no address: " + text)
	}
	return Addr{text[:at], int32(port)}
}

// Code is the vendor's name of an error code; programs look its number up in the vendor's table.
type Code = string

const ok Code = "SUCCEEDED"

// NoAnswer ends a connection over a code that the generation does not have: a mistake in these programs
// must not look like E_UNKNOWN of a metad. The calls whose connection a fault closed have no code.
func NoAnswer(code Code) {
	if !strings.HasPrefix(code, dropped) {
		panic("this generation has no code " + code)
	}
}

// SpaceDesc is what all generations' SpaceDesc hold; FIXED_STRING where VidLength is not 0.
type SpaceDesc struct {
	Name       string   `json:"name"`
	Partitions int32    `json:"partitions"`
	Replicas   int32    `json:"replicas"`
	VidLength  int16    `json:"vidLength"`
	Zones      []string `json:"zones,omitempty"`
	Comment    string   `json:"comment,omitempty"`
}

// Log is where a partition stands.
type Log struct{ ID, Term int64 }

// Checkpoint is that of one space in one data path of one storaged.
type Checkpoint struct {
	Space int32
	Path  string
	Parts map[int32]Log
}

// HostCheckpoints are those of one storaged.
type HostCheckpoints struct {
	Host        Addr
	Checkpoints []Checkpoint
}

// SpaceBackup is one space of a backup.
type SpaceBackup struct {
	Desc  SpaceDesc
	Hosts []HostCheckpoints
}

// Backup is what createBackup answers.
type Backup struct {
	Name            string
	Spaces          map[int32]SpaceBackup
	Files           []string
	Full, AllSpaces bool
	CreateTime      int64
}

// SnapshotRow is a row of SHOW SNAPSHOTS.
type SnapshotRow struct {
	Name  string `json:"name"`
	Valid bool   `json:"valid"`
	Hosts string `json:"hosts"`
}

// HostRow is a row of listHosts.
type HostRow struct {
	Addr    Addr               `json:"addr"`
	Role    string             `json:"role"` // META, STORAGE, GRAPH, AGENT
	Online  bool               `json:"online"`
	Version string             `json:"version"`
	Sha     string             `json:"sha"`
	Zone    string             `json:"zone"`
	Root    string             `json:"root"`
	Data    []string           `json:"data"`
	Leaders map[string][]int32 `json:"leaders"`
	Parts   map[string][]int32 `json:"parts"`
}

// HostPair is one mapping of restoreMeta.
type HostPair struct{ From, To Addr }

// AdminClient is metad's side of the vendor's StorageAdminService.
type AdminClient interface {
	Block(spaces []int32, on bool) (Code, error)
	CreateCheckpoint(spaces []int32, name string) ([]Checkpoint, Code, error)
	DropCheckpoint(spaces []int32, name string) (Code, error)
	Close()
}

// Wire is what a program of a generation brings.
type Wire struct {
	// Release is the version the program stands for unless told otherwise, as `3.8.0`.
	Release    string
	ServeMeta  func(net.Conn, *Metad)
	ServeAdmin func(net.Conn, *Storaged)
	ServeGraph func(net.Conn, *Graphd)
	DialAdmin  func(Addr) (AdminClient, error)
	// Knows tells whether the vendor's table has a code.
	Knows func(Code) bool
}

// Release is a version as a number that compares: 3.8.0 is 30800.
type Release int

func parseRelease(text string) Release {
	number := 0
	for _, part := range append(strings.SplitN(text, ".", 3), "0", "0")[:3] {
		digits, _ := strconv.Atoi(part)
		number = number*100 + digits
	}
	return Release(number)
}

// Texts are what generated code has as bytes.
func Texts(list [][]byte) []string {
	found := []string{}
	for _, item := range list {
		found = append(found, string(item))
	}
	return found
}
