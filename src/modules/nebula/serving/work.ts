import type { Clock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { escapeControls } from '../../../base/text.ts'
import type { Host } from '../../../connection/contract.ts'
import { addressText, type ServiceAddress } from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { statusCommand } from '../../../databases/nebula/service/commands.ts'
import { daemonName, type Observed } from '../../../databases/nebula/service/daemons.ts'
import { parseServiceStatus, withoutColours } from '../../../databases/nebula/service/status.ts'
import type { NebulaSettings } from '../../../databases/nebula/settings.ts'
import { outputText } from '../../apply-commands.ts'
import { logTail } from '../shared/log-tail.ts'
import { observe } from './observe.ts'
import { runService } from './run-quietly.ts'

/** What starting and stopping work with. */
export interface Work {
  readonly hosts: readonly Host[]
  /** All of the cluster: also those that the step is not about. */
  readonly all: readonly Instance[]
  readonly settings: NebulaSettings
  readonly clock: Clock
  readonly timeoutMs: number
  readonly killAfterMs?: number
  /** Whether a metad answers by itself, leader or not. @throws nebula.* where it does not */
  askMetad(address: ServiceAddress, io: Io): Promise<void>
}

const firstPauseMs = 50
const longestPauseMs = 1000

/** Pauses between two looks: short at first, a second at most. */
export function pauses(clock: Clock, io: Io): () => Promise<void> {
  let pauseMs = firstPauseMs
  return async () => {
    await clock.sleep(pauseMs, io.signal)
    pauseMs = Math.min(2 * pauseMs, longestPauseMs)
  }
}

/** How some of the services are now. */
export async function lookAt(
  work: Work,
  instances: readonly Instance[],
  io: Io,
): Promise<readonly Observed[]> {
  const names = new Set(instances.map(({ hostName }) => hostName))
  const hosts = work.hosts.filter(({ name }) => names.has(name))
  const seen = await observe(hosts, work.all, work.settings, io)
  return seen.filter(({ instance }) => instances.includes(instance))
}

/** The host that a service runs on. @throws internal */
export function hostOf(work: Work, { hostName }: Instance): Host {
  const host = work.hosts.find(({ name }) => name === hostName)
  if (host === undefined) throw new BkpError('internal', `no host ${hostName} takes part`)
  return host
}

/** `nebula-storaged 10.0.0.1:9779 on db1`. */
export function serviceText({ role, address, hostName }: Instance): string {
  return `${daemonName(role)} ${addressText(address)} on ${hostName}`
}

/** Pids of one process or several: `pid 7`. */
export function pidText({ processes }: Pick<Observed, 'processes'>): string {
  return `pid ${processes.map(({ pid }) => pid).join(', ')}`
}

/** Of more services than these the logs are in the details of an error only: they mostly say the same. */
const shownServices = 3

/** What services say themselves on why they are not as they should be: details of an error. */
export async function wordsOfAll(
  work: Work,
  services: readonly { readonly instance: Instance; readonly printed: string }[],
  io: Io,
): Promise<Readonly<Record<string, unknown>>> {
  const words = await Promise.all(
    services.map(async ({ instance, printed }) => await wordsOf(work, instance, printed, io)),
  )
  const said = words.filter(({ output, log }) => output !== undefined || log !== undefined)
  const blocks = said.slice(0, shownServices).map(({ service, output = '', log = '' }) => {
    const parts = [output, log].filter(part => part !== '').join('\n')
    return [service, ...parts.split('\n').map(line => `  ${line}`)].join('\n')
  })
  const more = said.length - blocks.length
  const rest = more > 0 ? [`and ${more} more`] : []
  return { services: words, log: [...blocks, ...rest].join('\n') }
}

/** What a service says itself. */
interface Words {
  readonly service: string
  /** What its start or stop printed. */
  readonly output?: string
  readonly script_says?: string
  /** The end of its logs. */
  readonly log?: string
}

async function wordsOf(work: Work, instance: Instance, printed: string, io: Io): Promise<Words> {
  const host = hostOf(work, instance)
  const command = statusCommand(instance, work.settings)
  const status =
    command === undefined ? '' : outputText((await runService(host, command, io)).stdout)
  const [said] = parseServiceStatus(status)
  const log = await logTail(host, instance, io)
  return {
    service: serviceText(instance),
    ...(printed.trim() === ''
      ? {}
      : { output: escapeControls(withoutColours(printed).trim(), { newlines: true }) }),
    ...(said === undefined
      ? {}
      : { script_says: said.pid === undefined ? 'exited' : `runs as pid ${said.pid}` }),
    ...(log === '' ? {} : { log }),
  }
}
