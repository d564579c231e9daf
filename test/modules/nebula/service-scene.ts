import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../../src/base/clock.ts'
import type { Host } from '../../../src/connection/contract.ts'
import type { WritableSite } from '../../../src/modules/contract.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { makeSite } from '../repository/site.ts'

/** Listens on --port, locks LOCK of its data, and takes its time to end. */
const daemon = `
use strict; use IO::Socket::INET; use Fcntl qw(F_SETLK F_WRLCK);
my %f; my ($conf) = grep { s/^--flagfile=?// } @ARGV; $conf ||= $ARGV[1];
open(my $c, '<', $conf) or die; while (<$c>) { $f{$1} = $2 if /^--(\\w+)=(.*)$/ }
if ($f{fails}) { print STDERR "F could not start: $f{fails}\\n"; exit 1 }
my $lock;
if ($f{data_path}) {
  open($lock, '>>', "$f{data_path}/nebula/1/data/LOCK") or die;
  my $what = pack('s s x4 q q i x4', F_WRLCK, 0, 0, 0, 0);
  fcntl($lock, F_SETLK, $what) or die 'lock';
}
my $before = $f{slow_start} || 0; select(undef, undef, undef, $before);
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $f{port}, Listen => 5, ReuseAddr => 1) or die;
my $end = 0;
$SIG{TERM} = sub { $end++ unless $f{deaf} };
until ($end) { my $r = ''; vec($r, fileno($s), 1) = 1; if (select($r, undef, undef, 0.05) > 0) { my $a = $s->accept; close $a if $a } }
close $s;
my $after = $f{slow_stop} || 0; select(undef, undef, undef, $after);
`

/** As the vendor's: a pid file, SIGTERM, and back at once. */
const serviceScript = `#!/bin/sh
conf=$2 action=$3 role=$4
root=$(cd "$(dirname "$0")/.." && pwd)
file=$root/$(sed -n 's/^--pid_file=//p' "$conf")
pid=$(cat "$file" 2>/dev/null)
case $action in
start) echo "[INFO] Starting nebula-$role..."
  late=$(sed -n 's/^--late=//p' "$conf")
  if [ -n "$late" ]; then (until [ -e "$late" ]; do sleep 0.02; done; "$root/bin/nebula-$role" --flagfile "$conf" & echo $! >"$file") &
  else "$root/bin/nebula-$role" --flagfile "$conf" & echo $! >"$file"; fi ;;
stop) echo "[INFO] Stopping nebula-$role..."; [ -n "$pid" ] && kill "$pid" 2>/dev/null; echo '[INFO] Done' ;;
status) if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then echo "[INFO] nebula-$role(46b2aac66): Running as $pid, Listening on 1"
  else echo "[INFO] nebula-$role(46b2aac66): Exited"; fi ;;
esac
exit 0
`

/** Installs daemons that are real processes; each folder is an install_dir. */
export interface Install {
  readonly root: string
  conf(name: string, flags: Readonly<Record<string, string | number>>): string
  data(name: string): string
  remove(): void
}

export function install(): Install {
  const root = mkdtempSync(join(tmpdir(), 'bkp-nebula-'))
  for (const folder of ['bin', 'etc', 'scripts', 'pids', 'logs']) mkdirSync(join(root, folder))
  writeFileSync(join(root, 'daemon.pl'), daemon)
  for (const role of ['metad', 'storaged', 'graphd']) {
    const text = `#!/bin/bash\nexec -a "$0" perl ${root}/daemon.pl "$@"\n`
    writeFileSync(join(root, 'bin', `nebula-${role}`), text, { mode: 0o755 })
  }
  writeFileSync(join(root, 'scripts/nebula.service'), serviceScript, { mode: 0o755 })
  return {
    root,
    conf: (name, flags) => {
      const lines = Object.entries(flags).map(([key, value]) => `--${key}=${value}\n`)
      const path = join(root, 'etc', name)
      writeFileSync(path, lines.join(''))
      return path
    },
    data: name => {
      const path = join(root, name)
      mkdirSync(join(path, 'nebula/1/data'), { recursive: true })
      writeFileSync(join(path, 'nebula/1/data/LOCK'), '')
      return path
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** A day of it is over in less than five hours: what is waited for on purpose takes a fifth. */
const hastyClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => 5 * systemClock.monotonicMs(),
  sleep: (milliseconds, signal) => systemClock.sleep(milliseconds / 5, signal),
}

/** A site of this machine with one cluster. */
export function nebulaSite(options: {
  readonly host: Host
  readonly settings: Readonly<Record<string, unknown>>
  readonly client?: unknown
  readonly clock?: Clock
}): WritableSite {
  const { host, settings, client = {}, clock = hastyClock } = options
  const roles = { metad: [host.name], storaged: [host.name], graphd: [host.name] }
  const cluster = { name: 'graph', kind: 'nebula', roles, hosts: [host.name], settings }
  const { site } = makeSite({ hosts: [host], storage: createMemoryStorage(), clusters: [cluster] })
  return { ...site, run: { ...site.run, clock }, client: async () => client }
}
