import { byteText } from '../../../base/byte-text.ts'
import { type RandomBytes, systemRandom } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Command, Host } from '../../../connection/contract.ts'
import type { Scope } from '../../../expression/contract.ts'
import { runCommand } from '../../apply-commands.ts'
import type { Detached } from '../../contract.ts'
import { type JobNote, jobScript } from './job-script.ts'

/** Where jobs lie below, unless ansible_remote_tmp says otherwise. */
const defaultFolder = '~/.cache/bkp'

/** Sets `d` to the folder of the job `$2`, below the folder that `$1` names. */
const folderText = `base=$1
case $base in '~' | '~/'*) base=\${HOME:-$(cd ~ && pwd)}\${base#'~'} ;; esac
case $base in /*) ;; *) echo "the folder for jobs is no absolute path: $base" >&2; exit 1 ;; esac
d=$base/async/$2
`

const makeText = `${folderText}umask 077
mkdir -p "$base/async" || exit 1
if [ ! -O "$base/async" ] || [ -L "$base/async" ]; then
  echo "$base/async belongs to somebody else" >&2; exit 1
fi
mkdir "$d" && printf '%s' "$d"
`

/** Its script comes on stdin. */
const startText = `d=$1; umask 077
cat >"$d/job" || exit 1
if command -v setsid >/dev/null 2>&1
then setsid sh "$d/job" "$d" </dev/null >/dev/null 2>&1 &
else nohup sh "$d/job" "$d" </dev/null >/dev/null 2>&1 &
fi
i=0
until [ -s "$d/pid" ]; do
  i=$((i + 1)); [ $i -le 100 ] || { echo "the job in $d does not start" >&2; exit 1; }
  sleep 0.1 2>/dev/null || sleep 1
done
`

/** Tells how the job is in one line, its note in the next, then what it printed. */
const statusText = `${folderText}[ -d "$d" ] || { echo unknown; exit 0; }
alive() {
  p=; { read -r p <"$d/pid"; } 2>/dev/null
  [ -n "$p" ] && kill -0 "$p" 2>/dev/null || return 1
  # busybox grep reads no further than a NUL.
  [ ! -r "/proc/$p/cmdline" ] || tr '\\0' ' ' <"/proc/$p/cmdline" | grep -qF -- "$2"
}
# It may end between the two questions.
state=running; alive "$1" "$2" || state=cut
s=-; ended=-; begun=-; late=no
[ ! -e "$d/end" ] || { read -r s ended <"$d/end"; state=ended; }
{ read -r begun <"$d/begin"; } 2>/dev/null
[ ! -e "$d/late" ] || late=yes
o=0; [ ! -e "$d/out" ] || o=$(wc -c <"$d/out")
e=0; [ ! -e "$d/err" ] || e=$(wc -c <"$d/err")
printf '%s %s %s %s %s %s %s\\n' "$state" "$s" "$begun" "$ended" "$late" $o $e
printf '%s\\n' "$d"
cat "$d/note" 2>/dev/null; echo
[ "$state" != running ] || exit 0
head -c $3 "$d/out" 2>/dev/null
head -c $3 "$d/err" >&2 2>/dev/null
exit 0
`

const removeText = `${folderText}rm -rf "$d" && printf '%s' "$d"
`

/** What of each stream is sent: below what a command's output is cut at. */
const keptBytes = 1024 * 1024 - 64 * 1024

/** What became of a job. */
export interface JobState {
  /** `cut`: it was ended together with what would have told of its end, by a boot of the host at least. */
  readonly state: 'running' | 'ended' | 'cut'
  readonly folder: string
  readonly note: JobNote | undefined
  readonly begun: string | undefined
  readonly ended: string | undefined
  /** A shell's word for how it ended: 128 and more for a signal. */
  readonly status: number
  /** It was ended for taking too long. */
  readonly late: boolean
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
  readonly truncated: boolean
}

/** Below which folder of the host jobs lie. */
export function jobsFolder(variables: Scope | undefined): string {
  const given = variables?.has('ansible_remote_tmp') ? variables.get('ansible_remote_tmp') : ''
  return typeof given === 'string' && given !== '' ? given : defaultFolder
}

/** A name for a job that nobody has and nobody can guess; a name beginning with j, as Ansible's. */
export function newJobId(random: RandomBytes = systemRandom): string {
  const digits = [...random(16)].map(byte => String(byte % 10)).join('')
  return `j${digits.slice(0, 12)}.${digits.slice(12)}`
}

/** @throws step.failed for what can be no job's name, since it becomes part of a path */
export function checkedJobId(jid: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(jid)) return jid
  throw new BkpError('step.failed', `"${jid}" is no id of a job`, {
    hint: 'see ansible_job_id in the result of the step that started it',
  })
}

function words(text: string, ...rest: readonly string[]): Command['argv'] {
  return ['/bin/sh', '-c', text, 'sh', ...rest]
}

/** A job that is about to start: a folder that is this user's alone. */
export interface NewJob {
  readonly id: string
  readonly folder: string
}

/** Makes the folder of a new job. @throws command.failed, ssh.* */
export async function makeJob(
  host: Host,
  { variables, random }: { readonly variables?: Scope | undefined; readonly random?: RandomBytes },
  io: Io,
): Promise<NewJob> {
  const id = newJobId(random)
  const made = await runCommand(host, { argv: words(makeText, jobsFolder(variables), id) }, io)
  return { id, folder: byteText(made.stdout) }
}

/**
 * Starts a command and leaves it to the host, which ends it after the note's seconds.
 * @throws command.failed, ssh.*
 */
export async function startJob(
  host: Host,
  job: NewJob,
  command: Command,
  note: JobNote,
  io: Io,
): Promise<Detached> {
  const stdin = new Uint8Array(jobScript(command, note))
  await runCommand(host, { argv: words(startText, job.folder), stdin }, io)
  const file = `${job.folder}/end`
  return { started: true, finished: false, ansible_job_id: job.id, results_file: file }
}

/** Asks how a job is; undefined for one that the host does not know. @throws command.failed, ssh.* */
export async function readJob(
  host: Host,
  jid: string,
  variables: Scope | undefined,
  io: Io,
): Promise<JobState | undefined> {
  const argv = words(statusText, jobsFolder(variables), checkedJobId(jid), String(keptBytes))
  const { stdout, stderr } = await runCommand(host, { argv }, io)
  const bytes = Buffer.from(stdout)
  const ends = [0, 1, 2].reduce<number[]>(
    found => [...found, bytes.indexOf('\n', (found.at(-1) ?? -1) + 1)],
    [],
  )
  const [first = -1, second = -1, third = -1] = ends
  const [state, status, begun, ended, late, out, err] = byteText(bytes.subarray(0, first)).split(
    ' ',
  )
  if (state !== 'running' && state !== 'ended' && state !== 'cut') return undefined
  return {
    state,
    folder: byteText(bytes.subarray(first + 1, second)),
    note: noteIn(bytes.subarray(second + 1, third)),
    begun: timeOf(begun),
    ended: timeOf(ended),
    status: Number(status),
    late: late === 'yes',
    stdout: new Uint8Array(bytes.subarray(third + 1)),
    stderr,
    truncated: Number(out) > keptBytes || Number(err) > keptBytes,
  }
}

/** Removes what a job left; what still runs of it runs on to its limit. @throws command.failed, ssh.* */
export async function removeJob(
  host: Host,
  jid: string,
  variables: Scope | undefined,
  io: Io,
): Promise<string> {
  const argv = words(removeText, jobsFolder(variables), checkedJobId(jid))
  return byteText((await runCommand(host, { argv }, io)).stdout)
}

function noteIn(bytes: Buffer): JobNote | undefined {
  try {
    return JSON.parse(bytes.toString()) as JobNote
  } catch {
    // It was cut off before it could be written.
    return undefined
  }
}

function timeOf(text: string | undefined): string | undefined {
  const date = new Date(text ?? '')
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}
