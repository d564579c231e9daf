package core

import (
	"fmt"
	"net"
	"net/http"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"
)

// Graphd is one graphd: sessions, and the statements that a backup tool sends.
type Graphd struct {
	Conf     Conf
	Release  Release
	Faults   *Faults
	wire     Wire
	self     Addr
	metads   []Addr
	servers  []net.Listener
	mutex    sync.Mutex
	sessions map[int64]*session
	next     int64
}

type session struct{ user, role, space string }

// Result is what a statement brings; cells are string or int64.
type Result struct {
	Code    Code
	Message string
	Space   string
	Columns []string
	Rows    [][]any
	Micros  int64
}

func newGraphd(conf Conf, wire Wire) *Graphd {
	g := &Graphd{
		Conf: conf, Release: parseRelease(conf.text("test_version", wire.Release)), wire: wire,
		self:     Addr{conf.text("local_ip", "127.0.0.1"), int32(conf.number("port", 9669))},
		Faults:   &Faults{knows: wire.Knows},
		sessions: map[int64]*session{}, next: time.Now().UnixMicro(),
	}
	for _, text := range conf.list("meta_server_addrs") {
		g.metads = append(g.metads, ParseAddr(text))
	}
	return g
}

func (g *Graphd) flags() Conf { return g.Conf }

func (g *Graphd) run() error {
	web := Addr{g.self.Host, int32(g.Conf.number("ws_http_port", 19669))}
	outer, err := serveWeb(web, g.Conf, g.Faults, func() string { return "running" }, func(*http.ServeMux) {})
	if err != nil {
		return err
	}
	for !g.beat() {
		time.Sleep(100 * time.Millisecond)
	}
	listener, err := listen(g.self)
	if err != nil {
		return err
	}
	g.servers = []net.Listener{outer, listener}
	go serveConns(listener, func(conn net.Conn) { g.wire.ServeGraph(conn, g) })
	go func() {
		for {
			time.Sleep(g.Conf.millis("test_heartbeat_ms", 10_000))
			g.beat()
		}
	}()
	return nil
}

func (g *Graphd) stop() {
	for _, server := range g.servers {
		server.Close()
	}
}

func (g *Graphd) beat() bool {
	row := HostRow{Addr: g.self, Role: "GRAPH"}
	got, err := toLeader[beatAnswer](g, "/cluster/beat", beatRequest{"", row}, func(got beatAnswer) Code { return got.Code })
	return err == nil && got.Code == ok
}

// toLeader asks the metads one after the other until one leads.
func toLeader[Out any](g *Graphd, path string, in any, code func(Out) Code) (Out, error) {
	var got Out
	err := fmt.Errorf("no metad")
	for range 20 {
		for _, metad := range g.metads {
			got, err = ask[Out](metad.Plus(1), path, in, g.Conf.millis("meta_client_timeout_ms", 60_000))
			if err == nil && code(got) != "E_LEADER_CHANGED" {
				return got, nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return got, err
}

// Authenticate gives a session; any user will do unless authorization is on.
func (g *Graphd) Authenticate(user, password string) (int64, Code, string) {
	role := "GOD"
	if g.Conf["enable_authorize"] == "true" {
		role = ""
		for _, known := range append(g.Conf.list("test_users"), "root:nebula:GOD") {
			if parts := strings.SplitN(known, ":", 3); len(parts) == 3 && parts[0] == user && parts[1] == password {
				role = parts[2]
			}
		}
		if role == "" {
			return 0, "E_BAD_USERNAME_PASSWORD", "Bad username/password"
		}
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.next++
	g.sessions[g.next] = &session{user: user, role: role}
	return g.next, ok, ""
}

// Signout ends a session.
func (g *Graphd) Signout(id int64) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	delete(g.sessions, id)
}

// Execute does one or several statements; the last one's result counts, or the first that failed.
func (g *Graphd) Execute(id int64, text string) Result {
	started := time.Now()
	g.mutex.Lock()
	open := g.sessions[id]
	g.mutex.Unlock()
	if open == nil {
		return Result{Code: "E_SESSION_INVALID", Message: fmt.Sprintf("Session `%d' not found", id)}
	}
	result := Result{Code: "E_STATEMENT_EMPTY"}
	for _, statement := range strings.Split(text, ";") {
		if statement = strings.TrimSpace(statement); statement == "" {
			continue
		}
		if result = g.statement(open, statement); result.Code != ok {
			break
		}
	}
	result.Space, result.Micros = open.space, time.Since(started).Microseconds()
	return result
}

var statements = []struct {
	pattern *regexp.Regexp
	work    func(*Graphd, *session, []string) Result
}{
	{regexp.MustCompile("(?i)^USE\\s+`?(\\w+)`?$"), (*Graphd).use},
	{regexp.MustCompile(`(?i)^SHOW\s+SPACES$`), (*Graphd).showSpaces},
	{regexp.MustCompile(`(?i)^SHOW\s+HOSTS(?:\s+(STORAGE|META|GRAPH))?$`), (*Graphd).showHosts},
	{regexp.MustCompile(`(?i)^SHOW\s+SNAPSHOTS$`), (*Graphd).showSnapshots},
	{regexp.MustCompile(`(?i)^CREATE\s+SNAPSHOT$`), (*Graphd).createSnapshot},
	{regexp.MustCompile("(?i)^DROP\\s+SNAPSHOT\\s+`?(\\w+)`?$"), (*Graphd).dropSnapshot},
	{regexp.MustCompile(`(?i)^SUBMIT\s+JOB\s+STATS$`), (*Graphd).submitStats},
	{regexp.MustCompile(`(?i)^SHOW\s+STATS$`), (*Graphd).showStats},
	{regexp.MustCompile(`(?i)^SHOW\s+JOBS$`), (*Graphd).showJobs},
	{regexp.MustCompile(`(?i)^SHOW\s+JOB\s+(\d+)$`), (*Graphd).showJob},
	{regexp.MustCompile(`(?i)^MATCH\s*\(\s*v\s*\)\s*RETURN\s+count\(\s*(?:v|\*)\s*\)(?:\s+AS\s+(\w+))?$`), (*Graphd).countVertices},
	{regexp.MustCompile("(?i)^(INSERT)\\s+VERTEX\\s+`?(\\w+)`?\\s*\\([^)]*\\)\\s+VALUES\\s+\"([^\"]+)\"\\s*:\\s*\\([^)]*\\)$"), (*Graphd).change},
	{regexp.MustCompile(`(?i)^(DELETE)\s+VERTEX\s+()"([^"]+)"(?:\s+WITH\s+EDGE)?$`), (*Graphd).change},
	{regexp.MustCompile(`(?i)^ADD\s+HOSTS\s+(.+)$`), (*Graphd).addHosts},
	{regexp.MustCompile(`(?i)^SHOW\s+LISTENER$`), (*Graphd).showListener},
	{regexp.MustCompile(`(?i)^SHOW\s+FULLTEXT\s+INDEXES$`), (*Graphd).showFulltext},
	{regexp.MustCompile(`(?i)^YIELD\s+1(?:\s+AS\s+(\w+))?$`), (*Graphd).one},
}

func (g *Graphd) statement(open *session, text string) Result {
	for _, known := range statements {
		if found := known.pattern.FindStringSubmatch(text); found != nil {
			return known.work(g, open, found)
		}
	}
	return Result{Code: "E_SYNTAX_ERROR", Message: "SyntaxError: syntax error near `" + text[:min(len(text), 20)] + "'"}
}

func done() Result { return Result{Code: ok} }

func table(columns []string, rows [][]any) Result {
	return Result{Code: ok, Columns: columns, Rows: rows}
}

func (g *Graphd) catalog() (catalog, Result) {
	got, err := toLeader[catalog](g, "/cluster/catalog", struct{}{}, func(catalog) Code { return ok })
	if err != nil {
		return got, Result{Code: "E_EXECUTION_ERROR", Message: "RPC failure in MetaClient: " + err.Error()}
	}
	return got, done()
}

func (g *Graphd) denied(open *session, what string) (Result, bool) {
	return Result{Code: "E_BAD_PERMISSION", Message: "PermissionError: No permission to " + what}, open.role != "GOD"
}

func (g *Graphd) snapshots(action, name string) (snapshotAnswer, Result) {
	got, err := toLeader[snapshotAnswer](g, "/cluster/snapshot", snapshotRequest{action, name}, func(got snapshotAnswer) Code { return got.Code })
	if err != nil {
		return got, Result{Code: "E_EXECUTION_ERROR", Message: "RPC failure in MetaClient: " + err.Error()}
	}
	if got.Code != ok {
		return got, Result{Code: "E_EXECUTION_ERROR", Message: messageOf(got.Code)}
	}
	return got, done()
}

func messageOf(code Code) string {
	switch code {
	case "E_SNAPSHOT_FAILURE":
		return "Snapshot failure!"
	case "E_KEY_NOT_FOUND", "E_NOT_FOUND":
		return "Not existed!"
	case "E_SPACE_NOT_FOUND":
		return "SpaceNotFound: "
	}
	return code
}

func (g *Graphd) use(open *session, words []string) Result {
	known, failed := g.catalog()
	if failed.Code != ok {
		return failed
	}
	for _, desc := range known.Spaces {
		if desc.Name == words[1] {
			open.space = words[1]
			return done()
		}
	}
	return Result{Code: "E_EXECUTION_ERROR", Message: "SpaceNotFound: SpaceName `" + words[1] + "`"}
}

func (g *Graphd) showSpaces(*session, []string) Result {
	known, failed := g.catalog()
	if failed.Code != ok {
		return failed
	}
	names := []string{}
	for _, desc := range known.Spaces {
		names = append(names, desc.Name)
	}
	sort.Strings(names)
	rows := [][]any{}
	for _, name := range names {
		rows = append(rows, []any{name})
	}
	return table([]string{"Name"}, rows)
}

func (g *Graphd) showHosts(_ *session, words []string) Result {
	known, failed := g.catalog()
	if failed.Code != ok {
		return failed
	}
	rows := [][]any{}
	for _, row := range known.Rows {
		status := "OFFLINE"
		if row.Online {
			status = "ONLINE"
		}
		if words[1] != "" {
			rows = append(rows, []any{row.Addr.Host, int64(row.Addr.Port), status, strings.ToUpper(words[1]), gitSha, row.Version})
			continue
		}
		leads := 0
		for _, parts := range row.Leaders {
			leads += len(parts)
		}
		rows = append(rows, []any{row.Addr.Host, int64(row.Addr.Port), status, int64(leads), distribution(row.Leaders), distribution(row.Parts)})
	}
	if words[1] != "" {
		return table([]string{"Host", "Port", "Status", "Role", "Git Info Sha", "Version"}, rows)
	}
	return table([]string{"Host", "Port", "Status", "Leader count", "Leader distribution", "Partition distribution"}, rows)
}

func distribution(parts map[string][]int32) string {
	texts := []string{}
	for name, list := range parts {
		texts = append(texts, fmt.Sprintf("%s:%d", name, len(list)))
	}
	sort.Strings(texts)
	if len(texts) == 0 {
		return "No valid partition"
	}
	return strings.Join(texts, ", ")
}

// Nothing listens to these clusters.
func (g *Graphd) showListener(*session, []string) Result {
	return table([]string{"PartId", "Type", "Host", "Host Status"}, [][]any{})
}

func (g *Graphd) showFulltext(*session, []string) Result {
	return table([]string{"Name", "Schema Type", "Schema Name", "Fields"}, [][]any{})
}

func (g *Graphd) showSnapshots(open *session, _ []string) Result {
	if result, denied := g.denied(open, "show users/snapshots/textClients"); denied {
		return result
	}
	got, failed := g.snapshots("list", "")
	if failed.Code != ok {
		return failed
	}
	rows := [][]any{}
	for _, row := range got.Rows {
		status := "INVALID"
		if row.Valid {
			status = "VALID"
		}
		rows = append(rows, []any{row.Name, status, row.Hosts})
	}
	return table([]string{"Name", "Status", "Hosts"}, rows)
}

func (g *Graphd) createSnapshot(open *session, _ []string) Result {
	if result, denied := g.denied(open, "write space"); denied {
		return result
	}
	_, result := g.snapshots("create", "")
	return result
}

func (g *Graphd) dropSnapshot(open *session, words []string) Result {
	if result, denied := g.denied(open, "write space"); denied {
		return result
	}
	_, result := g.snapshots("drop", words[1])
	return result
}

var noSpace = Result{Code: "E_SEMANTIC_ERROR", Message: "SemanticError: Space was not chosen."}

func (g *Graphd) submitStats(open *session, _ []string) Result {
	if open.space == "" {
		return noSpace
	}
	if _, failed := g.snapshots("stats", open.space); failed.Code != ok {
		return failed
	}
	known, failed := g.catalog()
	if failed.Code != ok {
		return failed
	}
	return table([]string{"New Job Id"}, [][]any{{int64(len(known.Jobs))}})
}

func (g *Graphd) showStats(open *session, _ []string) Result {
	if open.space == "" {
		return noSpace
	}
	known, failed := g.catalog()
	if failed.Code != ok {
		return failed
	}
	for id, desc := range known.Spaces {
		if desc.Name != open.space {
			continue
		}
		stats := known.Stats[id]
		if stats == nil {
			return Result{Code: "E_EXECUTION_ERROR", Message: "There is no any stats info to show, please execute `submit job stats' firstly!"}
		}
		rows := [][]any{}
		for kind, names := range map[string]map[int32]string{"Tag": known.Tags[id], "Edge": known.Edges[id]} {
			for number, name := range names {
				rows = append(rows, []any{kind, name, stats[fmt.Sprintf("%s %d", strings.ToLower(kind), number)]})
			}
		}
		sort.Slice(rows, func(a, b int) bool {
			return rows[a][0].(string)+rows[b][1].(string) > rows[b][0].(string)+rows[a][1].(string)
		})
		rows = append(rows, []any{"Space", "vertices", stats["vertices"]}, []any{"Space", "edges", stats["edges"]})
		return table([]string{"Type", "Name", "Count"}, rows)
	}
	return Result{Code: "E_EXECUTION_ERROR", Message: "SpaceNotFound: "}
}

func (g *Graphd) showJobs(*session, []string) Result {
	known, failed := g.catalog()
	if failed.Code != ok {
		return failed
	}
	rows := [][]any{}
	for _, job := range known.Jobs {
		rows = append([][]any{{int64(job.ID), job.Type, job.Status, "", ""}}, rows...)
	}
	return table([]string{"Job Id", "Command", "Status", "Start Time", "Stop Time"}, rows)
}

func (g *Graphd) showJob(_ *session, words []string) Result {
	known, failed := g.catalog()
	if failed.Code != ok {
		return failed
	}
	for _, job := range known.Jobs {
		if fmt.Sprint(job.ID) == words[1] {
			return table([]string{"Job Id(TaskId)", "Command(Dest)", "Status", "Start Time", "Stop Time", "Error Code"},
				[][]any{{int64(job.ID), job.Type, job.Status, "", "", "SUCCEEDED"}})
		}
	}
	return Result{Code: "E_EXECUTION_ERROR", Message: "Job not in chosen space!"}
}

func (g *Graphd) one(_ *session, words []string) Result {
	name := "1"
	if words[1] != "" {
		name = words[1]
	}
	return table([]string{name}, [][]any{{int64(1)}})
}

func (g *Graphd) spaceOf(open *session) (catalog, int32, SpaceDesc, Result) {
	if open.space == "" {
		return catalog{}, 0, SpaceDesc{}, noSpace
	}
	known, failed := g.catalog()
	if failed.Code != ok {
		return known, 0, SpaceDesc{}, failed
	}
	for id, desc := range known.Spaces {
		if desc.Name == open.space {
			return known, id, desc, done()
		}
	}
	return known, 0, SpaceDesc{}, Result{Code: "E_EXECUTION_ERROR", Message: "SpaceNotFound: "}
}

func (g *Graphd) countVertices(open *session, words []string) Result {
	known, id, _, failed := g.spaceOf(open)
	if failed.Code != ok {
		return failed
	}
	total := int64(0)
	for _, row := range known.Rows {
		counts, err := ask[map[string]int64](row.Addr.Plus(-2), "/storage/counts", id, 30*time.Second)
		if err != nil {
			return Result{Code: "E_EXECUTION_ERROR", Message: "Storage Error: part: 1, error: E_RPC_FAILURE(-3)."}
		}
		total += counts["vertices"]
	}
	name := "count(v)"
	if words[1] != "" {
		name = words[1]
	}
	return table([]string{name}, [][]any{{total}})
}

// change inserts a vertex of a tag, or deletes a vertex with all tags.
func (g *Graphd) change(open *session, words []string) Result {
	known, id, desc, failed := g.spaceOf(open)
	if failed.Code != ok {
		return failed
	}
	rows := []Row{}
	part := partOf(words[3], desc.Partitions)
	for number, name := range known.Tags[id] {
		if words[2] == "" || words[2] == name {
			rows = append(rows, Row{Part: part, Vid: words[3], Schema: number, Deleted: words[2] == ""})
		}
	}
	if len(rows) == 0 {
		return Result{Code: "E_SEMANTIC_ERROR", Message: "SemanticError: No schema found for `" + words[2] + "'"}
	}
	code := "E_LEADER_CHANGED"
	for _, peer := range known.Parts[id][part] {
		got, err := ask[Code](peer.Plus(-2), "/storage/write", writeRequest{Space: id, Part: part, Rows: rows}, 10*time.Second)
		if err != nil {
			code = "E_RPC_FAILURE"
			continue
		}
		if code = got; code != "E_LEADER_CHANGED" {
			break
		}
	}
	if code != ok {
		return Result{Code: "E_EXECUTION_ERROR", Message: fmt.Sprintf("Storage Error: part: %d, error: %s.", part, code)}
	}
	return done()
}

func (g *Graphd) addHosts(open *session, words []string) Result {
	if result, denied := g.denied(open, "write space"); denied {
		return result
	}
	hosts := []string{}
	for _, text := range strings.Split(words[1], ",") {
		hosts = append(hosts, strings.ReplaceAll(strings.TrimSpace(text), `"`, ""))
	}
	_, result := g.snapshots("addHosts", strings.Join(hosts, ","))
	return result
}
