package core

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Conf are gflags: `--key=value` of the flag file, then of the command line.
type Conf map[string]string

func (c Conf) text(key, fallback string) string {
	if value, found := c[key]; found && value != "" {
		return value
	}
	return fallback
}

func (c Conf) number(key string, fallback int) int {
	number, err := strconv.Atoi(c.text(key, strconv.Itoa(fallback)))
	if err != nil {
		panic(fmt.Sprintf("--%s: %v", key, err))
	}
	return number
}

func (c Conf) list(key string) []string {
	if c[key] == "" {
		return nil
	}
	return strings.Split(c[key], ",")
}

func (c Conf) millis(key string, fallback int) time.Duration {
	return time.Duration(c.number(key, fallback)) * time.Millisecond
}

func (c Conf) take(lines []string) {
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if key, value, found := strings.Cut(strings.TrimLeft(line, "-"), "="); found && strings.HasPrefix(line, "-") {
			c[key] = value
		}
	}
}

func readConf(words []string) Conf {
	conf := Conf{}
	for index, word := range words {
		file, found := strings.CutPrefix(word, "--flagfile=")
		if word == "--flagfile" && index+1 < len(words) {
			file, found = words[index+1], true
		}
		if !found {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		conf.take(strings.Split(string(text), "\n"))
	}
	conf.take(words)
	return conf
}

// role is what the program was started as: nebula-metad, nebula-storaged, nebula-graphd.
type role interface {
	// run serves; it returns when it is ready.
	run() error
	// stop gives everything back: data is on disk, locks are free.
	stop()
	flags() Conf
}

const daemonized = "NEBULA_DAEMONIZED"

// Main is the program of a generation.
func Main(wire Wire) {
	conf := readConf(os.Args[1:])
	name := filepath.Base(os.Args[0])
	if conf.text("daemonize", "true") == "true" && os.Getenv(daemonized) == "" {
		daemonize(conf, name)
		return
	}
	logf("%s %s, pid %d", name, conf.text("test_version", wire.Release), os.Getpid())
	time.Sleep(conf.millis("test_start_ms", 0))
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	service := newRole(name, conf, wire)
	go func() {
		if err := service.run(); err != nil {
			fatal("%v", err)
		}
		logf("ready")
	}()
	<-signals
	logf("stopping")
	time.Sleep(conf.millis("test_stop_ms", 0))
	service.stop()
	logf("stopped")
}

func newRole(name string, conf Conf, wire Wire) role {
	switch name {
	case "nebula-metad":
		return newMetad(conf, wire)
	case "nebula-storaged":
		return newStoraged(conf, wire)
	case "nebula-graphd":
		return newGraphd(conf, wire)
	}
	fatal("started as %s: it has to be nebula-metad, nebula-storaged or nebula-graphd", name)
	return nil
}

// daemonize starts itself again in a session of its own, and writes the pid file as daemons do.
func daemonize(conf Conf, name string) {
	pidFile := conf.text("pid_file", "pids/"+name+".pid")
	logs := conf.text("log_dir", "logs")
	for _, folder := range []string{filepath.Dir(pidFile), logs} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	log, err := os.OpenFile(filepath.Join(logs, name+".INFO"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	child := exec.Command(os.Args[0], os.Args[1:]...)
	child.Env = append(os.Environ(), daemonized+"=1")
	child.Stdout, child.Stderr = log, log
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(child.Process.Pid)), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func logf(format string, words ...any) {
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000"), fmt.Sprintf(format, words...))
}

func fatal(format string, words ...any) {
	logf("FATAL "+format, words...)
	os.Exit(1)
}
