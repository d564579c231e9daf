import { BkpError } from '../../../base/errors.ts'
import type { ArchiveFacts, ArchiveMember, UnpackedMember } from '../../../connection/probes.ts'
import type { Attributes } from '../files/attributes.ts'
import { normalMode } from '../files/facts.ts'
import { refuseHostile } from './refuse-hostile.ts'
import type { UnarchiveArguments } from './request.ts'

type Present = Extract<ArchiveFacts, { kind: 'present' }>

/** What is still to be done with an archive. */
export interface Pending {
  readonly facts: Present
  /** Members that are not there as in the archive, each with why. */
  readonly unpack: readonly string[]
  /** Members without the owner, group or mode that they shall have. */
  readonly adjust: readonly string[]
}

/** The mode a member shall have: who may read a folder may enter it, too. */
export function memberMode(mode: string, type: ArchiveMember['type']): string {
  const bits = Number.parseInt(mode, 8)
  const entering = type === 'directory' ? (bits & 0o444) >> 2 : 0
  return normalMode((bits | entering).toString(8))
}

function isSomeone(asked: string | number, name: string, id: number): boolean {
  return /^\d+$/.test(String(asked)) ? Number(asked) === id : asked === name
}

function needsAttributes(
  member: ArchiveMember,
  seen: UnpackedMember | undefined,
  { owner, group, mode }: Attributes,
): boolean {
  if (seen === undefined) return [owner, group, mode].some(asked => asked !== undefined)
  if (owner !== undefined && !isSomeone(owner, seen.user, seen.uid)) return true
  if (group !== undefined && !isSomeone(group, seen.group, seen.gid)) return true
  if (mode === undefined || member.type === 'symlink') return false
  return seen.mode !== memberMode(mode, member.type)
}

const kinds: Readonly<Record<ArchiveMember['type'], RegExp>> = {
  file: /^regular/,
  hardlink: /^regular/,
  directory: /^directory$/,
  symlink: /^symbolic link$/,
  other: /^$/,
}

/** By size, mode and time, where the host's tar compares nothing. */
function listedDifference(member: ArchiveMember, seen: UnpackedMember | undefined): string {
  if (seen === undefined) return 'missing'
  if (!kinds[member.type].test(seen.kind)) return 'File type differs'
  if (member.type === 'file') {
    if (seen.sizeBytes !== member.sizeBytes) return 'Size differs'
    if (seen.mtimeSeconds !== secondsOf(member)) return 'Mod time differs'
  }
  const hasMode = member.type === 'file' || member.type === 'directory'
  return hasMode && seen.mode !== member.mode ? 'Mode differs' : ''
}

function secondsOf({ modified }: ArchiveMember): number {
  return Date.parse(`${modified.replace(' ', 'T')}Z`) / 1000
}

/** Members that do not lie in the folder as in the archive. */
export function differencesOf(facts: Present): Present['differences'] {
  if (facts.isGnu || facts.format === 'zip') return facts.differences
  return facts.members.flatMap(member => {
    const what = listedDifference(member, facts.unpacked[member.name])
    return what === '' ? [] : [{ name: member.name, what }]
  })
}

/** Differences that unpacking again would not mend, or that shall stay. */
function isExpected(what: string, args: UnarchiveArguments, { isRoot }: Present): boolean {
  if (what === 'Uid differs') return !isRoot || args.owner !== undefined
  if (what === 'Gid differs') return !isRoot || args.group !== undefined
  return what === 'Mode differs' && args.mode !== undefined
}

/** @throws step.failed for an archive that is not there, cannot be read, or must not be unpacked */
export function pendingOf(args: UnarchiveArguments, facts: ArchiveFacts): Pending {
  if (facts.kind === 'absent') {
    throw new BkpError('step.failed', `there is no archive ${args.src} on the host`, {
      hint: 'without remote_src: true the archive is one of the controller',
    })
  }
  if (facts.kind === 'unreadable') {
    throw new BkpError('step.failed', `${args.src} cannot be read: ${facts.why}`, {
      hint: 'the host needs tar and what unpacks the format (gzip, bzip2, xz, zstd), or unzip',
    })
  }
  refuseHostile(args.src, facts.members, { linksAllowed: facts.format !== 'zip' })
  const byName = new Map(facts.members.map(member => [member.name, member]))
  const isNewer = (name: string): boolean => {
    const member = byName.get(name)
    const seen = facts.unpacked[name]
    return member !== undefined && seen !== undefined && seen.mtimeSeconds > secondsOf(member)
  }
  const unpack = differencesOf(facts)
    .filter(({ what }) => !isExpected(what, args, facts))
    .filter(({ name }) => args.keep_newer !== true || !isNewer(name))
    .map(({ name, what }) => `${name}: ${what}`)
  const adjust = facts.members
    .filter(member => needsAttributes(member, facts.unpacked[member.name], args))
    .map(({ name }) => name)
  return { facts, unpack, adjust }
}
