import { type Command, outputLimitBytes } from './contract.ts'
import { commandScript, joinLines, script } from './quote.ts'

/** After so many commands that printed nothing their files are removed: `rm` is a process. */
const filesAtOnce = 32

/**
 * What a shell is told once about running commands, so that each frame is short. Output goes to files,
 * so that a daemon left behind cannot print into the next frame; no two commands share one before it was
 * removed, so that it cannot print into the next command's either.
 *
 * `bkp_files` names the files of the next command; false where there is no place for them.
 *
 * `bkp_end MARKER` waits for the command: the marker and the command's `bkp_id` at once; when it has
 * ended, its status and the sizes of its outputs, and the first 1 MiB of each, with a marker behind each.
 */
export const runFunctions: Buffer = joinLines([
  script`bkp_n=0`,
  script`bkp_files() {`,
  script`  [ -d "\${bkp_dir-}" ] || for bkp_d in "\${TMPDIR:-/tmp}" /dev/shm "\${HOME:-/}"; do`,
  script`    bkp_dir=$(mktemp -d "$bkp_d/bkp.XXXXXX" 2>/dev/null) && break`,
  script`  done`,
  script`  [ -d "\${bkp_dir-}" ] || return 1`,
  script`  bkp_n=$((bkp_n + 1)); bkp_out=$bkp_dir/out$bkp_n; bkp_err=$bkp_dir/err$bkp_n`,
  script`}`,
  script`bkp_end() {`,
  script`  bkp_id "$!" "$1"`,
  script`  wait "$!"; bkp_c=$?`,
  // Most commands print nothing, or to one of them: what is empty costs no process.
  script`  bkp_o=0; [ ! -s "$bkp_out" ] || bkp_o=$(wc -c <"$bkp_out")`,
  script`  bkp_e=0; [ ! -s "$bkp_err" ] || bkp_e=$(wc -c <"$bkp_err")`,
  // One write is one packet.
  script`  case $((bkp_o + bkp_e)) in`,
  script`    0) printf '%s 0 0\n%s\n%s\n' "$bkp_c" "$1" "$1"; [ "$bkp_n" -ge ${filesAtOnce} ] || return 0 ;;`,
  script`    *) printf '%s %s %s\n' "$bkp_c" $bkp_o $bkp_e`,
  script`       [ "$bkp_o" = 0 ] || head -c ${outputLimitBytes} "$bkp_out"; printf '%s\n' "$1"`,
  script`       [ "$bkp_e" = 0 ] || head -c ${outputLimitBytes} "$bkp_err"; printf '%s\n' "$1" ;;`,
  script`  esac`,
  script`  rm -f "$bkp_dir"/out* "$bkp_dir"/err*; bkp_n=0`,
  script`}`,
])

/** What a step that changes something runs. `none` in place of an id: there is no place for its output. */
export function runFrame(command: Command, marker: Buffer, launcher: readonly string[]): Buffer {
  const body = commandScript(command, launcher)
  const output = script`>"$bkp_out" 2>"$bkp_err" &`
  const frame =
    command.stdin === undefined
      ? [script`(`, body, script`) </dev/null ${output}`]
      : // An asynchronous command's stdin is /dev/null unless it is redirected by number.
        [script`exec 3<&0`, script`( exec 3<&-`, body, script`) <&3 ${output}`, script`exec 3<&-`]
  return joinLines([
    script`{ if bkp_files; then`,
    ...frame,
    script`bkp_end ${marker}`,
    script`else echo ${marker}none; fi`,
    // What the command left unread of its stdin must not be taken for script.
    script`${Buffer.from(command.stdin === undefined ? ':' : 'exit 0')}`,
    script`}`,
  ])
}
