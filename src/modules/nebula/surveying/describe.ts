import { listParts } from '../../../databases/nebula/topology/state.ts'
import type { MetadCopies, PartitionCopies } from './count-copies.ts'
import type { KnownBackup } from './read-backups.ts'
import type { HostSurvey } from './survey-host.ts'

/** All that a survey found. */
export interface Survey {
  readonly hosts: readonly HostSurvey[]
  /** The leader, or why the metads say nothing. */
  readonly metads: { readonly leader?: string; readonly reason?: string }
  readonly metad: MetadCopies
  readonly partitions: readonly PartitionCopies[]
  readonly backups: readonly KnownBackup[]
  /** Manifests that cannot be read; why the storage could not be, first. */
  readonly damaged: readonly string[]
  readonly isStorageAsked: boolean
}

/** What a survey found, for readers under stress. */
export function surveyLines(survey: Survey): readonly string[] {
  return [
    'HOSTS',
    ...hostLines(survey.hosts),
    'METADS',
    ...metadLines(survey),
    'SPACES',
    ...spaceLines(survey.partitions),
    ...(survey.isStorageAsked ? ['BACKUPS', ...backupLines(survey)] : []),
  ]
}

function hostLines(hosts: readonly HostSurvey[]): readonly string[] {
  const width = Math.max(0, ...hosts.map(({ host }) => host.length))
  return hosts.flatMap(({ host, answers, reason, services, spaces }) => {
    const word = answers ? 'answers' : 'NO ANSWER'
    const why = reason === undefined ? '' : `: ${reason}`
    const ofHost = services.map(({ role, address, state }) => {
      const own = spaces.filter(each => each.address === address && each.role === role)
      const ids = [...new Set(own.filter(each => each.hasDatabase).map(({ space }) => space))]
      const held = role === 'graphd' ? '' : `, ${heldText(role, ids)}`
      return `    ${role} ${address} ${state === 'running' ? state : state.toUpperCase()}${held}`
    })
    return [`  ${host.padEnd(width)}  ${word}${why}`, ...ofHost]
  })
}

function heldText(role: 'metad' | 'storaged', ids: readonly number[]): string {
  if (ids.length === 0) return 'NO DATA'
  if (role === 'metad') return 'has its data'
  return `data of ${ids.length === 1 ? 'space' : 'spaces'} ${ids.join(', ')}`
}

function metadLines({ metads, metad }: Survey): readonly string[] {
  const { copies, expected, quorum } = metad
  return [
    metads.leader === undefined
      ? `  they do not answer: ${metads.reason ?? 'unknown'}`
      : `  ${metads.leader} leads`,
    `  ${copies.length} of ${expected} have their data: ${quorum ? 'quorum' : 'NO QUORUM'}`,
  ]
}

function spaceLines(partitions: readonly PartitionCopies[]): readonly string[] {
  if (partitions.length === 0) return ['  none is known']
  return [...new Set(partitions.map(({ space }) => space))].flatMap(id => {
    const parts = partitions.filter(({ space }) => space === id)
    const [first] = parts
    const name = first?.name ?? null
    if (name === null)
      return [`  id ${id}: ${parts.length} partitions of a space that nobody knows`]
    const lost = parts.filter(({ copies }) => copies.length === 0)
    const weak = parts.filter(({ copies, quorum }) => copies.length > 0 && quorum === false)
    const short = parts.filter(
      ({ copies, replicas, quorum }) => quorum === true && copies.length < (replicas ?? 0),
    )
    const whole = parts.length - lost.length - weak.length - short.length
    const tell = (word: string, those: readonly PartitionCopies[]) =>
      those.length === 0
        ? []
        : [`    ${word}: partition ${listParts(those.map(({ partition }) => partition))}`]
    return [
      `  ${name} (id ${id}): ${whole} of ${parts.length} partitions have all ${first?.replicas ?? 0} copies`,
      ...tell('fewer copies, quorum', short),
      ...tell('NO QUORUM', weak),
      ...tell('NO COPY LEFT', lost),
    ]
  })
}

function backupLines({ backups, damaged, hosts }: Survey): readonly string[] {
  if (backups.length === 0 && damaged.length === 0) return ['  there is none of this cluster']
  const silent = new Set(hosts.filter(({ answers }) => !answers).map(({ host }) => host))
  return [
    ...backups.map(({ name, state, metadata, problem }) => {
      if (metadata === undefined) return `  ${name}  ${state}, NOT READABLE: ${problem ?? ''}`
      const spaces = metadata.spaces.map(each => each.name).join(', ')
      const what = metadata.all_spaces ? `all spaces (${spaces})` : `some spaces (${spaces})`
      const away = restoreNeeds(metadata.roots, silent)
      const where = away.length === 0 ? '' : `; others must take the place of ${away.join(', ')}`
      return `  ${name}  ${state}, ${what}, NebulaGraph ${metadata.version ?? metadata.generation}${where}`
    }),
    ...damaged.map(name => `  ${name}  DAMAGED`),
  ]
}

/** Hosts of which a backup holds something, and that do not answer. */
export function restoreNeeds(
  roots: readonly { readonly host: string; readonly role: string }[],
  silent: ReadonlySet<string>,
): readonly string[] {
  const holders = roots.filter(({ role }) => role === 'storaged').map(({ host }) => host)
  return [...new Set(holders)].filter(host => silent.has(host))
}
