import type { Io } from '../../../base/io.ts'
import { escapeControls } from '../../../base/text.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { output } from '../../../connection/probes.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { daemonName } from '../../../databases/nebula/service/daemons.ts'

/** What an error shows of one log, at most. */
const lines = 20
const characters = 3000
/** What is read of it, in bytes: one line may be as long as the file. */
const tailBytes = 16 * 1024

/** A log, and what stands at its end. */
interface LogEnd {
  readonly path: string
  readonly text: string
}

/**
 * The last lines of a service's logs (specs/nebula.md §4, 9 and 20): errors, standard error, which has
 * what it said before it had logs, and everything. Each below its path, since an old one may be
 * left of a former process; printable. Empty where there is none, or none may be read; never an error
 * of its own.
 */
export async function logTail(host: ReadOnlyHost, instance: Instance, io: Io): Promise<string> {
  const { role, logDir, stderrLog } = instance
  const daemon = daemonName(role)
  const paths = [`${daemon}.ERROR`, stderrLog, `${daemon}.INFO`].map(name => `${logDir}/${name}`)
  try {
    const ends = await endsOf(host, paths, io)
    const known = new Set<string>()
    // Errors are in the log of everything, too.
    const news = ends.map(({ path, text }) => {
      const own = text.split('\n').filter(line => line.trim() !== '' && !known.has(line))
      for (const line of own) known.add(line)
      return { path, text: shortened(own) }
    })
    return news
      .filter(({ text }) => text !== '')
      .map(({ path, text }) => `${escapeControls(path, { newlines: false })}:\n${text}`)
      .join('\n')
  } catch {
    io.signal.throwIfAborted()
    return ''
  }
}

async function endsOf(
  host: ReadOnlyHost,
  paths: readonly string[],
  io: Io,
): Promise<readonly LogEnd[]> {
  const answers = await host.ask(
    Object.fromEntries(
      paths.map(path => [path, output('tail', '-c', String(tailBytes), '--', path)] as const),
    ),
    io,
  )
  return paths.flatMap(path => {
    const { code, stdout } = answers[path] ?? { code: 1, stdout: '' }
    return code === 0 ? [{ path, text: escapeControls(stdout, { newlines: true }) }] : []
  })
}

function shortened(all: readonly string[]): string {
  const text = all
    .slice(-lines)
    .map(line => `  ${line.trimEnd()}`)
    .join('\n')
  return text.length <= characters ? text : `  …${text.slice(-characters)}`
}
