import { posix } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import type { Io } from '../../../base/io.ts'
import { escapeControls } from '../../../base/text.ts'
import type { Host } from '../../../connection/contract.ts'
import { type Flags, listOf } from '../../../databases/nebula/conf/parse-conf.ts'
import { addressText } from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { toServicePath } from '../../../databases/nebula/paths.ts'
import type { NebulaSettings } from '../../../databases/nebula/settings.ts'
import { webGet } from '../shared/web-get.ts'
import { type Findings, nothingFound, together } from './fault.ts'
import { within } from './wait-for-health.ts'

const answerMs = 10_000
const asked = ['data_path', 'wal_path'] as const

/**
 * Asks every metad and storaged what it runs with (`/flags` of its HTTP port, specs/nebula.md §2.3):
 * its file may have been changed since it started, or may not be there at all. A port that is closed or
 * answers in another way says nothing.
 */
export async function compareFlags(
  hosts: readonly Host[],
  instances: readonly Instance[],
  settings: NebulaSettings,
  clock: Clock,
  io: Io,
): Promise<Findings> {
  const found = await Promise.all(
    instances.map(async instance => {
      const host = hosts.find(({ name }) => name === instance.hostName)
      if (host === undefined || instance.role === 'graphd') return nothingFound
      const flags = await runningFlags(host, instance, clock, io)
      return flags === undefined ? nothingFound : differences(instance, flags, settings)
    }),
  )
  return together(found)
}

async function runningFlags(
  host: Host,
  { http }: Instance,
  clock: Clock,
  io: Io,
): Promise<Flags | undefined> {
  try {
    const path = `/flags?names=${asked.join(',')}`
    const answer = await within(clock, answerMs, io, own => webGet(host, http, path, own))
    return answer?.status === '200' ? parseFlags(answer.body) : undefined
  } catch {
    io.signal.throwIfAborted()
    return undefined
  }
}

/** `name=value` a line: 3.x puts texts between quotes; `nullptr` is a flag that it does not have. */
export function parseFlags(text: string): Flags {
  const flags = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^([a-z_]+)=(.*?)\r?$/.exec(line) ?? []
    if (name === undefined || value === 'nullptr') continue
    flags.set(name, value.replace(/^"(.*)"$/, '$1'))
  }
  return flags
}

function differences(instance: Instance, flags: Flags, settings: NebulaSettings): Findings {
  const { role, address, hostName, installDir, serviceDataDirs, walDir } = instance
  const root = toServicePath(settings, hostName, installDir)
  const wal = walDir === undefined ? [] : [toServicePath(settings, hostName, walDir)]
  const expected = { data_path: serviceDataDirs, wal_path: role === 'storaged' ? wal : [] }
  const faults = asked.flatMap(name => {
    const value = flags.get(name)
    if (value === undefined || (name === 'wal_path' && role !== 'storaged')) return []
    const running = listOf(value)
    const known = expected[name].map(path => posix.resolve(root, path))
    if (running.length === known.length && running.every(path => isAmong(known, path))) return []
    return [
      {
        host: hostName,
        what: `${role} ${addressText(address)} runs with --${name}=${textOf(running)}, and bkp looks at ${textOf(known)}`,
        hint: 'its file was changed since it started, or data_dirs or wal_dir under instances are wrong: restart it, or correct them',
      },
    ]
  })
  return { faults, warnings: [] }
}

/** What is relative is so to where it was started, which the inventory need not say. */
function isAmong(known: readonly string[], running: string): boolean {
  const path = running.startsWith('/') ? posix.resolve(running) : posix.resolve('/', running)
  return known.some(each => (running.startsWith('/') ? each === path : each.endsWith(path)))
}

function textOf(paths: readonly string[]): string {
  if (paths.length === 0) return 'nothing'
  return escapeControls(paths.join(','), { newlines: false }).slice(0, 500)
}
