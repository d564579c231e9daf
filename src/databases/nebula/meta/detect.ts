import type { Clock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { abortError } from '../../../connection/abort.ts'
import type { Generation } from '../contract.ts'
import { readMethods } from '../generations/methods.ts'
import { generationOf, newestVersion, releaseOf } from '../generations/versions.ts'
import { unknownMethod } from '../thrift/messages.ts'
import { askOne, callMs, thrownBy } from './ask.ts'
import { type Leader, loadingCodes } from './leader.ts'
import type { Metad, Metads } from './metads.ts'

/** What one metad shows of itself without a leader: 2.0, 2.1 to 2.6, or some 3.x. */
export type Family = '2.0' | '2.1' | '3.x'

/** What runs. */
export interface Detected {
  readonly generation: Generation
  readonly version?: string
}

/**
 * Tells the family of one metad by which calls it knows (specs/nebula.md §1.5): 2.6 has
 * verifyClientVersion and refuses "3.0.0", 3.x accepts it; 2.0 has no getMetaDirInfo.
 * @throws nebula.unreachable, nebula.protocol
 */
export async function familyOf(
  metads: Metads,
  clock: Clock,
  metad: Metad,
  io: Io,
): Promise<Family> {
  const manner = { timeoutMs: callMs, kind: 'read' } as const
  const client = { clientVersion: '3.0.0', host: { host: '', port: 0 }, buildVersion: '' }
  const { verifyClientVersion, getMetaDirInfo } = readMethods
  const verified = await askOne(metads, clock, metad, verifyClientVersion, client, manner, io)
  if (verified.outcome.kind === 'reply') {
    return verified.outcome.value.success?.code === 0 ? '3.x' : '2.1'
  }
  if (verified.outcome.type !== unknownMethod) {
    throw thrownBy(metad, verifyClientVersion.name, verified.outcome)
  }
  const told = await askOne(metads, clock, metad, getMetaDirInfo, {}, manner, io)
  if (told.outcome.kind === 'reply') return '2.1'
  if (told.outcome.type !== unknownMethod) throw thrownBy(metad, getMetaDirInfo.name, told.outcome)
  return '2.0'
}

/** The family of whichever known metad answers first, in inventory order. @throws nebula.unreachable */
export async function familyOfAny(metads: Metads, clock: Clock, io: Io): Promise<Family> {
  const failures: BkpError[] = []
  for (const metad of await metads.known(io)) {
    try {
      return await familyOf(metads, clock, metad, io)
    } catch (error) {
      if (io.signal.aborted) throw abortError(io.signal)
      if (!(error instanceof BkpError) || error.code !== 'nebula.unreachable') throw error
      failures.push(error)
    }
  }
  const [first] = failures
  if (first !== undefined && failures.length === 1) throw first
  throw new BkpError(
    'nebula.unreachable',
    `no metad answers: ${failures.map(({ message }) => message).join('; ')}`,
    { cause: first, ...(first?.hint === undefined ? {} : { hint: first.hint }) },
  )
}

/**
 * Which generation runs. A setting is held against what the cluster shows, and counts where that does
 * not tell. dropSnapshot in the form of 3.0 crashes a metad of 3.3 (specs §1.5): nothing is guessed.
 * @throws nebula.version, nebula.unreachable, nebula.no_leader, nebula.protocol
 */
export async function detect(
  metads: Metads,
  clock: Clock,
  leader: Leader,
  setting: string | undefined,
  io: Io,
): Promise<Detected> {
  const given = setting === undefined ? undefined : generationOf(setting)
  const family = await familyOfAny(metads, clock, io)
  const probing: Generation = family === '3.x' ? '3.0' : family
  const { version, generations } = await namedVersions(leader, probing, io)
  const [named, ...others] = generations
  if (others.length > 0) {
    throw new BkpError(
      'nebula.version',
      `the metads are of different generations: ${generations.join(' and ')}`,
      { hint: 'finish the upgrade first: a backup of half an upgraded cluster cannot be restored' },
    )
  }
  // 2.6 and an unusual white list of clients of 3.x look alike; the version as text tells them apart.
  const shown = named ?? (family === '3.x' ? undefined : family)
  if (given !== undefined && contradicts(given, shown, family)) {
    throw new BkpError(
      'nebula.version',
      `the inventory says that NebulaGraph ${setting} runs, but it is ${version ?? family}`,
      { hint: 'correct or remove "version" of the cluster' },
    )
  }
  const generation = shown ?? given
  if (generation === undefined) {
    throw new BkpError(
      'nebula.version',
      'NebulaGraph 3.x runs, and no service says which: 3.0 to 3.2 and 3.3 to 3.8 speak differently',
      { hint: 'give the version of the cluster in the inventory (version: 3.8.0)' },
    )
  }
  return { generation, ...(version === undefined ? {} : { version }) }
}

function contradicts(given: Generation, shown: Generation | undefined, family: Family): boolean {
  if (shown !== undefined) return given !== shown
  return family === '3.x' && (given === '2.0' || given === '2.1')
}

const { listHosts } = readMethods
/** ListHostType: the same in all generations. */
const asked = [
  { role: 'meta', type: 2 },
  { role: 'storage', type: 3 },
  { role: 'graph', type: 1 },
] as const

/** The versions that services name: of metads, or, where they name none, of the others. */
async function namedVersions(
  leader: Leader,
  probing: Generation,
  io: Io,
): Promise<{
  readonly version: string | undefined
  readonly generations: readonly Generation[]
}> {
  // 2.0 has no such field.
  if (probing === '2.0') return { version: undefined, generations: [] }
  for (const { role, type } of asked) {
    const how = {
      timeoutMs: callMs,
      kind: 'read',
      generation: probing,
      passing: loadingCodes(probing),
    } as const
    const { response, code } = await leader.ask(listHosts, { type }, how, io)
    if (code !== 0) continue
    const hosts = response.hosts ?? []
    const online = hosts.filter(({ status }) => status === 0)
    const versions = (online.length > 0 ? online : hosts)
      .map(({ version = '' }) => version)
      .filter(version => releaseOf(version) !== undefined)
    if (versions.length === 0) continue
    const generations = [...new Set(versions.map(version => generationOf(version)))]
    if (role !== 'meta' && generations.length > 1) continue
    return { version: newestVersion(versions), generations }
  }
  return { version: undefined, generations: [] }
}

/** What `restoreMeta` and others that need no leader are decoded as. */
export function anyGenerationOf(family: Family): Generation {
  return family === '3.x' ? '3.3' : family
}
