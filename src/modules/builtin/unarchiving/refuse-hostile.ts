import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import { escapeControls } from '../../../base/text.ts'
import type { ArchiveMember } from '../../../connection/probes.ts'

/** A name as the path it has below the folder: without `./` and double slashes. */
function partsOf(name: string): readonly string[] {
  // Some unzip take a backslash for a slash.
  return name.split(/[/\\]/).filter(part => part !== '' && part !== '.')
}

/** Why a member may not be unpacked, or undefined. */
function fault(member: ArchiveMember, links: ReadonlySet<string>): string | undefined {
  const { type, name, target = '' } = member
  const parts = partsOf(name)
  if (posix.isAbsolute(name)) return 'its path is absolute'
  if (parts.includes('..')) return 'its path leads out of the folder'
  // What is unpacked through a link lands wherever that leads.
  for (let length = 1; length < parts.length; length += 1) {
    if (links.has(parts.slice(0, length).join('/'))) return 'it lies behind a link of the archive'
  }
  if (type === 'other') return 'it is neither a file, a folder nor a plain link'
  if (type === 'symlink') return symlinkFault(parts.length - 1, target)
  if (type === 'hardlink') return hardLinkFault(target, links)
  return undefined
}

/** `depth`: folders between the link and the folder that all is unpacked into. */
function symlinkFault(depth: number, target: string): string | undefined {
  if (posix.isAbsolute(target)) return `it is a link to ${target}`
  const parts = partsOf(target)
  const up = parts.findIndex(part => part !== '..')
  const climbs = up < 0 ? parts.length : up
  if (climbs > depth) return `it is a link to ${target}, out of the folder`
  // Up again after going down is somewhere else where the way down is a link itself.
  return parts.slice(climbs).includes('..') ? `it is a link to ${target}, by a detour` : undefined
}

function hardLinkFault(target: string, links: ReadonlySet<string>): string | undefined {
  const parts = partsOf(target)
  const behindLink = parts.some((_part, index) => links.has(parts.slice(0, index).join('/')))
  const leaves = posix.isAbsolute(target) || parts.includes('..') || behindLink
  return leaves ? `it is a hard link to ${target}, out of the folder` : undefined
}

/**
 * Refuses an archive of which anything could be written outside of the folder, or become a device.
 * Pure, and asked before anything is unpacked. @throws step.failed naming the member
 */
export function refuseHostile(
  src: string,
  members: readonly ArchiveMember[],
  options: { readonly linksAllowed: boolean },
): void {
  const isLink = ({ type }: ArchiveMember) => type === 'symlink' || type === 'other'
  const links = new Set(members.filter(isLink).map(({ name }) => partsOf(name).join('/')))
  for (const member of members) {
    const forbidden = member.type === 'symlink' && !options.linksAllowed
    const why = forbidden ? 'links of zip archives are not unpacked' : fault(member, links)
    if (why === undefined) continue
    const name = escapeControls(member.name, { newlines: false })
    throw new BkpError(
      'step.failed',
      `${src} is not unpacked: ${name}: ${escapeControls(why, { newlines: false })}`,
      {
        hint: 'nothing was written; look at who made it, and leave the member out with exclude',
        details: { member: member.name },
      },
    )
  }
}
