import type { Clock } from '../../../base/clock.ts'
import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import {
  addressText,
  type MetaClient,
  type ServiceAddress,
} from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { parseAddress } from '../../../databases/nebula/layout.ts'
import { toServicePath } from '../../../databases/nebula/paths.ts'
import type { NebulaSettings } from '../../../databases/nebula/settings.ts'
import { registerStorageds } from '../registering/register.ts'
import { logTail } from '../shared/log-tail.ts'
import { until } from '../shared/until.ts'
import { type PushOptions, pushFiles, removePushed } from './push.ts'
import { replaceByHttp } from './replace-http.ts'

/** As text: `host:port` both. */
export interface AddressPair {
  readonly from: string
  readonly to: string
}

export interface RestoreMetaWork {
  readonly hosts: readonly Host[]
  readonly metads: readonly Instance[]
  readonly settings: NebulaSettings
  readonly client: MetaClient
  readonly clock: Clock
  readonly push: PushOptions
  readonly pairs: readonly AddressPair[]
  readonly method: 'restore_meta' | 'http_replace'
  /** Storageds of the cluster: all that metads are to answer. */
  readonly storageds: readonly ServiceAddress[]
  /** Spaces that must be there afterwards. */
  readonly spaces: readonly string[]
  /** For a metad to answer, and for all of them to have a leader, in milliseconds. */
  readonly timeoutMs: number
}

/** restoreMeta ingests what it gets before it can fail: as often as the official BR tries. */
const attempts = 3

/**
 * Gives every metad the meta tables, and makes sure that they are there. All of them get theirs, also
 * when one fails: one that missed it must not be started with the others (specs/nebula.md §6).
 * Storageds that it had to register are given back.
 * @throws nebula.*, file.*, repository.*, ssh.*
 */
export async function restoreMetads(
  work: RestoreMetaWork,
  io: Io,
): Promise<{ readonly registered: readonly string[] }> {
  const ended = await Promise.allSettled(work.metads.map(metad => restoreOne(work, metad, io)))
  const faults = ended.flatMap(end => (end.status === 'rejected' ? [asBkpError(end.reason)] : []))
  io.signal.throwIfAborted()
  throwTogether(faults, work.metads.length)
  if (work.method === 'http_replace') {
    for (const pair of work.pairs) await replaceOnLeader(work, pair, io)
  }
  await requireSpaces(work, io)
  // Those that the backup does not know, and with 3.0 those at other addresses: it does not rewrite them.
  return { registered: await registerStorageds(work.client, work.storageds, work, io) }
}

/** Metads mostly fail for the same reason: the first one's hint and log stand for all. */
function throwTogether(faults: readonly BkpError[], metads: number): void {
  const [first, ...rest] = faults
  if (first === undefined) return
  if (rest.length === 0) throw first
  const message = `${faults.length} of ${metads} metads did not take their tables`
  const { code, hint } = first
  const { host: _, ...details } = first.details
  throw new BkpError(code, message, { faults, details, ...(hint === undefined ? {} : { hint }) })
}

async function restoreOne(work: RestoreMetaWork, metad: Instance, io: Io): Promise<void> {
  const { client, method, pairs, push } = work
  const host = hostOf(work, metad)
  await until(work, `metad ${addressText(metad.address)} does not answer`, io, async () => {
    await client.metaDirectories(metad.address, io)
  })
  const hosts =
    method === 'restore_meta'
      ? pairs.map(({ from, to }) => ({ from: addressOf(from), to: addressOf(to) }))
      : []
  for (let attempt = 1; ; attempt += 1) {
    // A metad removes the files, also where it fails later on.
    const pushed = await pushFiles(host, metad, push, io)
    try {
      const files = pushed.paths.map(path => toServicePath(work.settings, host.name, path))
      await client.restoreMeta(metad.address, { files, hosts }, io)
      return
    } catch (thrown) {
      io.signal.throwIfAborted()
      const error = asBkpError(thrown)
      const isFinal = error.code === 'nebula.version' || !error.code.startsWith('nebula.')
      if (isFinal || attempt >= attempts) throw await explained(work, metad, error, pushed, io)
      await work.clock.sleep(retryMs, io.signal)
    } finally {
      // Also where the step was interrupted: what is ours does not stay.
      await removePushed(host, pushed.folder, {
        ...io,
        signal: AbortSignal.timeout(farewellMs),
      }).catch(() => {})
    }
  }
}

/** Between two tries, as the official BR waits. */
const retryMs = 2000
const farewellMs = 10_000

async function explained(
  work: RestoreMetaWork,
  metad: Instance,
  error: BkpError,
  pushed: { readonly folder: string; readonly checked: readonly string[] },
  io: Io,
): Promise<BkpError> {
  const host = hostOf(work, metad)
  const log = await logTail(host, metad, io)
  const where = `metad ${addressText(metad.address)} on ${host.name}`
  const seen = toServicePath(work.settings, host.name, pushed.folder)
  return new BkpError(
    error.code,
    `${where} did not take the meta tables: ${error.message}. Made sure of: ${pushed.checked.join('; ')}`,
    {
      cause: error,
      hint: `see the end of its log above; it reads ${seen}: where it runs in a container, that folder must be there, too (path_map)`,
      details: {
        ...error.details,
        host: host.name,
        checked: pushed.checked,
        ...(log === '' ? {} : { log }),
      },
    },
  )
}

/** The leader may change while it is looked for: asked anew until the time is over. */
async function replaceOnLeader(work: RestoreMetaWork, pair: AddressPair, io: Io): Promise<void> {
  const hosts = { from: addressOf(pair.from).host, to: addressOf(pair.to).host }
  await until(work, `${hosts.from} was not replaced by ${hosts.to}`, io, async () => {
    const leader = addressText(await work.client.leader(io))
    const instance = work.metads.find(({ address }) => addressText(address) === leader)
    if (instance === undefined) {
      throw new BkpError(
        'nebula.topology',
        `the metads are led by ${leader}, which is none of them`,
      )
    }
    await replaceByHttp(hostOf(work, instance), instance, hosts, io)
  })
}

async function requireSpaces(work: RestoreMetaWork, io: Io): Promise<void> {
  const { client, spaces } = work
  await until(work, 'the metads do not show the spaces of the backup', io, async () => {
    const there = new Set((await client.listSpaces(io)).map(({ name }) => name))
    const missing = spaces.filter(name => !there.has(name))
    if (missing.length === 0) return
    throw new BkpError('nebula.not_ready', `there is no space ${missing.join(', ')}`, {
      details: { missing, there: [...there] },
    })
  })
}

function addressOf(text: string): ServiceAddress {
  const address = parseAddress(text)
  if (address !== undefined) return address
  throw new BkpError('schema.invalid', `"${text}" is no address`, { hint: 'write host:port' })
}

function hostOf({ hosts }: RestoreMetaWork, { hostName }: Instance): Host {
  const host = hosts.find(({ name }) => name === hostName)
  if (host === undefined) throw new BkpError('internal', `no host ${hostName} takes part`)
  return host
}
