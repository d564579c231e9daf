import { Secret } from '../../../base/secret.ts'
import type { Command } from '../../../connection/contract.ts'
import { commandScript, joinLines, script } from '../../../connection/quote.ts'

/** What a job leaves beside its output, for whoever asks for it later. */
export interface JobNote {
  readonly cmd: string | readonly string[]
  /** Seconds it may take. */
  readonly seconds: number
  /** Why there was nothing to run. */
  readonly unrun?: string
}

/** Between SIGTERM and SIGKILL, in seconds. */
const graceSeconds = 5

/**
 * Runs one command to its end and leaves how it went in the folder `$1`, for any POSIX sh (dash and
 * busybox among them). It is read whole and removed before the command begins: what the command reads, and
 * the variables it sees, are secrets at times.
 */
export function jobScript(command: Command, note: JobNote): Buffer {
  return joinLines([
    script`{`,
    script`d=$1; umask 077; rm -f "$d/job"`,
    // Caught rather than ignored: the command gets the usual answer to it.
    script`trap : HUP`,
    script`utc() { date -u +%Y-%m-%dT%H:%M:%SZ; }`,
    script`printf %b '${octal(Buffer.from(JSON.stringify(note)))}' >"$d/note"`,
    ...inputLines(command),
    script`utc >"$d/begin"`,
    script`printf '%s\n' "$$" >"$d/pid.new" && mv "$d/pid.new" "$d/pid"`,
    script`(`,
    script`umask 022`,
    script`exec <"$d/in"; rm -f "$d/in"`,
    script`if command -v setsid >/dev/null 2>&1; then`,
    commandScript({ ...command }, ['setsid']),
    script`fi`,
    commandScript(command),
    script`) >"$d/out" 2>"$d/err" &`,
    script`c=$!`,
    script`end() { kill "-$1" "-$c" 2>/dev/null || kill "-$1" "$c" 2>/dev/null; }`,
    script`(`,
    script`trap 'kill "$z" 2>/dev/null; exit 0' TERM`,
    script`sleep ${Math.ceil(note.seconds)} & z=$!; wait "$z"`,
    script`( : >"$d/late" )`,
    script`end TERM; i=0`,
    script`while [ $i -lt ${graceSeconds * 10} ] && kill -0 "-$c" 2>/dev/null; do`,
    script`  if sleep 0.1 2>/dev/null; then i=$((i + 1)); else sleep 1; i=$((i + 10)); fi`,
    script`done`,
    script`end KILL`,
    script`) </dev/null >/dev/null 2>&1 &`,
    script`t=$!`,
    script`while :; do wait "$c"; s=$?; kill -0 "$c" 2>/dev/null || break; done`,
    script`[ -e "$d/late" ] || kill -TERM "$t" 2>/dev/null`,
    script`wait "$t"`,
    script`printf '%s %s\n' "$s" "$(utc)" >"$d/end.new" && mv "$d/end.new" "$d/end"`,
    script`exit 0`,
    script`}`,
  ])
}

/** By a file rather than a pipe: the process that is told of is the command's own then. */
function inputLines({ stdin }: Command): readonly Buffer[] {
  if (stdin === undefined) return [script`: >"$d/in"`]
  const bytes = stdin instanceof Secret ? Buffer.from(stdin.reveal()) : (stdin as Uint8Array)
  return [script`printf %b '${octal(bytes)}' >"$d/in"`]
}

/** Escapes for printf, which is the shell's own: no list of processes has them. */
function octal(bytes: Uint8Array): Buffer {
  return Buffer.from(Array.from(bytes, byte => `\\0${byte.toString(8).padStart(3, '0')}`).join(''))
}
