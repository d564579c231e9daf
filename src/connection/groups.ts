import type { Io } from '../base/io.ts'
import type { Channel } from './channel.ts'
import { frameReader } from './frames.ts'
import { joinLines, quoteWord, script } from './quote.ts'
import { newMarker, prologue, type Session, within } from './session.ts'

/** A process group that bkp started on a host and that was not seen to end. */
export interface Group {
  readonly leader: number
  /**
   * What tells the leader from a later process with the same pid: when it began, in clock ticks since
   * boot, and which boot. Where there is no /proc, `ps`'s word for it; empty where nothing tells.
   */
  readonly start: string
  /** A shell of ours: the groups that its children lead are its, too. */
  readonly isShell: boolean
  /** It only reads: nothing needs to wait for its end. */
  readonly reads: boolean
}

/** Longest line that `bkp_id` prints, in bytes. */
export const idLimitBytes = 160

/**
 * Defines `bkp_id PID [WORD]`, which prints the word and a process's pid and start. Only words that shells
 * have built in where there is a /proc: field 22 of /proc/PID/stat (proc_pid_stat(5)), behind a name that
 * may hold anything, newlines too.
 */
export const idFunction: Buffer = joinLines([
  script`bkp_boot=; { IFS= read -r bkp_boot </proc/sys/kernel/random/boot_id; } 2>/dev/null`,
  script`bkp_stat() {`,
  script`  bkp_s=; { while IFS= read -r bkp_l; do bkp_s=$bkp_l; done <"$1"; } 2>/dev/null`,
  // Not `##*) `: dash tries that from every place of the line.
  script`  while :; do case $bkp_s in *") "*) bkp_s=\${bkp_s#*) } ;; *) break ;; esac; done`,
  script`}`,
  script`bkp_id() {`,
  script`  bkp_p=$1; bkp_w=\${2-}; bkp_stat "/proc/$1/stat"`,
  script`  set -- $bkp_s`,
  script`  if [ $# -ge 20 ]; then shift 19; set -- "$1" "$bkp_boot"`,
  script`  else set -- $(ps -o lstart= -p "$bkp_p" 2>/dev/null); fi`,
  script`  printf '%s%s %s\n' "$bkp_w" "$bkp_p" "$*"`,
  script`}`,
])

/** The group of a line that `bkp_id` printed. Undefined for any other line. */
export function readGroup(line: string, what: Pick<Group, 'isShell' | 'reads'>): Group | undefined {
  const [, pid, start = ''] = /^(\d+)(?: (.*))?$/.exec(line.trim()) ?? []
  return pid === undefined ? undefined : { leader: Number(pid), start: start.trim(), ...what }
}

const pollMs = 50
/** How long what was killed may take to be gone, in polls: a process in the kernel ends only after it. */
const killedPolls = 20
/** A channel that takes longer to open than this hangs: then other work waits for the end, too. */
const promptMs = 1000
const leftLimitBytes = 64 * 1024

/**
 * Ends process groups on the host: SIGTERM, and SIGKILL for what is left after the grace. Resolves to
 * the ids of those that are still there. Groups that were `lost` with an earlier connection are ended
 * only where their leaders are still the same processes; of others, a leader that has ended may have
 * left something. @throws ssh.lost: then nothing is known
 */
export async function endGroups(
  session: Session,
  groups: readonly Group[],
  options: { readonly lost: boolean },
  io: Io,
): Promise<readonly number[]> {
  // Nothing tells whether these are still what they were.
  const unproven = options.lost ? groups.filter(({ start }) => start === '') : []
  const proven = groups.filter(group => !unproven.includes(group))
  const opening = session.transport.open(io)
  const ending = opening.then(channel => endOn(channel, session, proven, options.lost))
  ending.catch(() => {})
  void holdUpWork(session, opening, ending)
  return [...(await ending), ...unproven.map(({ leader }) => leader)]
}

/**
 * Ends groups of a step that was cancelled or failed, whatever becomes of its io. A connection that is lost
 * cannot end anything: then they stay among the session's groups, for the next one.
 */
export async function giveUp(session: Session, groups: readonly Group[], io: Io): Promise<void> {
  if (!session.transport.isAlive()) return
  const quiet = { ...io, signal: new AbortController().signal }
  await endGroups(session, groups, { lost: false }, quiet).catch(() => {})
}

/** What is begun on the host while a hung connection comes back would run beside what is being ended. */
async function holdUpWork(
  session: Session,
  opening: Promise<unknown>,
  ending: Promise<unknown>,
): Promise<void> {
  let isSettled = false
  const settled = () => {
    isSettled = true
  }
  await within(session, opening.then(settled, settled), promptMs)
  if (isSettled) return
  session.endings.add(ending)
  await Promise.allSettled([ending])
  session.endings.delete(ending)
}

async function endOn(
  channel: Channel,
  session: Session,
  groups: readonly Group[],
  lost: boolean,
): Promise<readonly number[]> {
  const marker = newMarker(session)
  const stdout = frameReader(channel.stdout)
  channel.stderr.resume()
  channel.stdin.end(Buffer.concat([prologue, endScript(session, groups, lost, marker)]))
  try {
    // Login shells may print before.
    const before = await stdout.until(marker, 0)
    const left = await stdout.until(marker, leftLimitBytes)
    if (before === undefined || left === undefined) throw session.transport.lost()
    const leaders = left.bytes.toString('latin1').split(' ').filter(Boolean).map(Number)
    for (const group of groups) {
      if (!leaders.includes(group.leader)) session.groups.delete(group)
    }
    return leaders
  } finally {
    channel.close()
  }
}

function endScript(
  session: Session,
  groups: readonly Group[],
  lost: boolean,
  marker: Buffer,
): Buffer {
  const polls = Math.max(1, Math.ceil(session.graceMs / pollMs))
  return joinLines([
    idFunction,
    script`{ list=`,
    script`add() { case " $list " in *" $1 "*) ;; *) list="$list $1" ;; esac; }`,
    // The groups that the children of our shells lead: of them the shell may not have told us yet.
    script`children() {`,
    script`  for f in /proc/[0-9]*/stat; do`,
    script`    bkp_stat "$f"; f=\${f#/proc/}; f=\${f%/stat}`,
    script`    set -- "$1" $bkp_s`,
    script`    [ "\${3-}" != "$1" ] || [ "\${4-}" != "$f" ] || add "$f"`,
    script`  done`,
    script`}`,
    script`ours() {`,
    script`  now=$(bkp_id "$1")`,
    script`  case $now in "$1 $2") return 0 ;; "$1 ") ${Buffer.from(lost ? 'return 1' : 'return 0')} ;; esac`,
    script`  return 1`,
    script`}`,
    ...groups.map(({ leader, start, isShell }) => {
      const more = isShell ? script`children ${leader}; ` : script``
      return script`if ours ${leader} ${quoteWord(start)}; then ${more}add ${leader}; fi`
    }),
    // What has ended but was not waited for yet (a zombie) still takes signals, and is not alive.
    script`alive() {`,
    script`  w=$(kill -0 "-$1" 2>&1) || case $w in`,
    // Somebody else's: it cannot be ended, and is there.
    script`    *ermitted*) ;; *) kill -0 "$1" 2>/dev/null || return 1 ;;`,
    script`  esac`,
    script`  [ -r /proc/self/stat ] || return 0`,
    script`  for f in /proc/[0-9]*/stat; do`,
    script`    bkp_stat "$f"; f=\${f#/proc/}`,
    script`    set -- "$1" $bkp_s`,
    script`    [ "\${4-}" = "$1" ] || [ "\${f%/stat}" = "$1" ] || continue`,
    script`    case \${2-Z} in Z|X) ;; *) return 0 ;; esac`,
    script`  done`,
    script`  return 1`,
    script`}`,
    // A process may not lead its group yet: then it is alone.
    script`for p in $list; do`,
    script`  kill -TERM "-$p" 2>/dev/null || kill -TERM "$p" 2>/dev/null`,
    script`  kill -CONT "-$p" 2>/dev/null`,
    script`done`,
    script`i=0; killed=`,
    script`while :; do`,
    script`  left=; for p in $list; do ! alive "$p" || left="$left $p"; done`,
    script`  [ -n "$left" ] && [ $i -lt ${polls + killedPolls} ] || break`,
    script`  if [ -z "$killed" ] && [ $i -ge ${polls} ]; then`,
    script`    killed=1; for p in $left; do kill -KILL "-$p" 2>/dev/null; kill -KILL "$p" 2>/dev/null; done`,
    script`  fi`,
    script`  if sleep ${Buffer.from(String(pollMs / 1000))} 2>/dev/null; then i=$((i + 1))`,
    script`  else sleep 1; i=$((i + ${1000 / pollMs})); fi`,
    script`done`,
    script`printf '%s%s%s\n' ${marker} "$left" ${marker}; exit 0; }`,
  ])
}
