import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { output } from '../../../connection/probes.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { daemonName } from '../../../databases/nebula/service/daemons.ts'

/** Lines of a log that an error shows, and characters of all. */
const lines = 12
const characters = 3000

/**
 * The last lines of a service's log, its errors first (specs/nebula.md §4, 9 and 20): `<root>/logs`.
 * Empty where there is none, or it may not be read; never an error of its own.
 */
export async function logTail(host: ReadOnlyHost, instance: Instance, io: Io): Promise<string> {
  const base = `${instance.installDir}/logs/${daemonName(instance.role)}`
  const tail = (path: string) => output('tail', '-n', String(lines), '--', path)
  try {
    const { errors, infos } = await host.ask(
      { errors: tail(`${base}.ERROR`), infos: tail(`${base}.INFO`) },
      io,
    )
    const parts = [errors, infos].flatMap(({ code, stdout }) => (code === 0 ? [stdout.trim()] : []))
    return parts
      .filter(part => part !== '')
      .map(part => part.slice(-characters / 2))
      .join('\n')
  } catch {
    io.signal.throwIfAborted()
    return ''
  }
}
