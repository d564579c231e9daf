import { Secret } from '../../base/secret.ts'
import type { Command } from '../../connection/contract.ts'
import { commandScript, joinLines, script } from '../../connection/quote.ts'

/**
 * The watchdog of one step, for any POSIX sh (dash and busybox among them): `$1` is its folder. Time is
 * the machine's own since boot, or its naps are counted: clocks that are set must not set it off. Before
 * the release nothing is written in the foreground, since what is frozen may be where it would write.
 */
export function watchdogScript(commands: readonly Command[], deadlineMs: number): Buffer {
  return joinLines([
    script`d=$1; limit=${Math.ceil(deadlineMs / 1000)}; now=0`,
    script`cd /; umask 077`,
    // Caught rather than ignored: what it runs gets the usual answers to signals.
    script`trap : HUP INT TERM`,
    script`tick() {`,
    script`  if [ -r /proc/uptime ]; then read -r now _ </proc/uptime; now=\${now%%.*}`,
    script`  else now=$((now + 1)); fi`,
    script`}`,
    script`release() {`,
    ...commands.map(
      (command, index) =>
        script`${subshell(command)} >/dev/null 2>&1 || return ${Math.min(index + 1, 125)}`,
    ),
    script`  return 0`,
    script`}`,
    script`tick; since=$now; beat=`,
    script`printf '%s\n' "$$" >"$d/pid"`,
    script`while :; do`,
    script`  [ ! -e "$d/disarm" ] || { rm -rf "$d"; exit 0; }`,
    script`  heard=$beat; { read -r heard <"$d/heartbeat"; } 2>/dev/null`,
    script`  tick`,
    script`  [ "$heard" = "$beat" ] || { beat=$heard; since=$now; }`,
    // Whole seconds cut off: only past the limit is it sure to be over.
    script`  [ $((now - since)) -le "$limit" ] || break`,
    script`  sleep 1`,
    script`done`,
    script`( : >"$d/firing" ) 2>/dev/null &`,
    script`release; status=$?`,
    script`printf '%s\n' "$status" >"$d/fired.new" && mv "$d/fired.new" "$d/fired"`,
    script`exit 0`,
  ])
}

/**
 * A command in a subshell, with what it reads as octal escapes: that is in no argument list, since printf
 * is the shell's own.
 */
function subshell(command: Command): Buffer {
  const { stdin } = command
  const body = script`(\n${commandScript(command)})`
  if (stdin === undefined) return script`${body} </dev/null`
  const bytes = stdin instanceof Secret ? Buffer.from(stdin.reveal()) : (stdin as Uint8Array)
  const octal = Array.from(bytes, byte => `\\0${byte.toString(8).padStart(3, '0')}`).join('')
  return script`printf %b '${Buffer.from(octal)}' | ${body}`
}

/** Shared by what the controller asks: the folder by its name, and whether its watchdog lives. */
const prelude = `n=$1; d=\${TMPDIR:-/tmp}/$1
umask 077
nap() { sleep 0.1 2>/dev/null || sleep 1; }
alive() {
  p=; { read -r p <"$d/pid"; } 2>/dev/null
  [ -n "$p" ] && kill -0 "$p" 2>/dev/null || return 1
  # busybox grep reads no further than a NUL.
  [ ! -r "/proc/$p/cmdline" ] || tr '\\0' ' ' <"/proc/$p/cmdline" | grep -qF -- "$n"
}
`

/** Words of a command that runs one of these texts with arguments. */
export function control(text: string, ...words: readonly string[]): Command['argv'] {
  return ['/bin/sh', '-c', prelude + text, 'sh', ...words]
}

/**
 * Starts the watchdog that comes on stdin. One that an earlier attempt of the run has left is disarmed
 * first, and waited for where it is at its release.
 */
export const armText = `if [ -e "$d" ] || [ -L "$d" ]; then
  if [ ! -O "$d" ] || [ ! -d "$d" ] || [ -L "$d" ]; then echo "$d belongs to somebody else" >&2; exit 1; fi
  : >"$d/disarm"; i=0
  while alive; do
    i=$((i + 1)); [ $i -le 60 ] || { echo "an earlier watchdog in $d does not end" >&2; exit 1; }
    sleep 1
  done
  rm -rf "$d"
fi
mkdir "$d" && cat >"$d/watchdog" && echo 0 >"$d/heartbeat" || exit 1
if command -v setsid >/dev/null 2>&1
then setsid sh "$d/watchdog" "$d" </dev/null >/dev/null 2>&1 &
else nohup sh "$d/watchdog" "$d" </dev/null >/dev/null 2>&1 &
fi
i=0
until alive; do
  i=$((i + 1)); [ $i -le 100 ] || { echo "the watchdog in $d does not start" >&2; exit 1; }
  nap
done
`

/** Leaves a heartbeat ($2) and tells: absent, armed, firing, gone, or fired and its exit status. */
export const beatText = `[ -d "$d" ] || { echo absent; exit 0; }
if alive && [ ! -e "$d/firing" ]; then echo "$2" >"$d/heartbeat"; fi
if [ -e "$d/fired" ]; then echo "fired $(cat "$d/fired")"
elif ! alive; then
  # It may have ended between the two questions.
  if [ -e "$d/fired" ]; then echo "fired $(cat "$d/fired")"; else echo gone; fi
elif [ -e "$d/firing" ]; then echo firing
else echo armed
fi
`

/** Ends the watchdog without its release and leaves nothing behind; one at its release ends that first. */
export const disarmText = `[ -d "$d" ] || exit 0
: >"$d/disarm"; i=0
while [ -d "$d" ] && alive; do
  i=$((i + 1)); [ $i -le 300 ] || { echo "the watchdog in $d does not end" >&2; exit 1; }
  nap
done
rm -rf "$d"
`
