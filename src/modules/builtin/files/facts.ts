import type { Static } from 'typebox'
import * as Type from 'typebox'
import type { FileFacts } from '../../../connection/probes.ts'
import { Unknown } from '../../../expression/unknown.ts'

/** Facts of a path where something is. */
export type PresentFacts = Exclude<FileFacts, { readonly kind: 'absent' }>

export function isPresent(facts: FileFacts): facts is PresentFacts {
  return facts.kind !== 'absent'
}

/** True for a fact that an earlier step of the plan left open, whatever its type says. */
export function isOpen(fact: unknown): boolean {
  return fact instanceof Unknown
}

/** `644` as facts have it: `0644`. */
export function normalMode(mode: string): string {
  return mode.padStart(4, '0')
}

/** A path without slashes at its end: `/a/` and `/a` are one question. */
export function withoutTrailingSlash(path: string): string {
  return path.replace(/(?<=.)\/+$/, '')
}

/** Fields that file and copy return of what stands at a path, by Ansible's names. */
export const describedSchema = {
  state: Type.String({ description: 'file, directory, link, other or absent.' }),
  mode: Type.Optional(Type.String({ description: 'Permission bits as octal text: 0644.' })),
  owner: Type.Optional(Type.String({ description: "The owner's name." })),
  group: Type.Optional(Type.String({ description: "The group's name." })),
  uid: Type.Optional(Type.Integer({ description: "The owner's number." })),
  gid: Type.Optional(Type.Integer({ description: "The group's number." })),
  size: Type.Optional(Type.Integer({ description: 'Size in bytes.' })),
}

const describedObject = Type.Object(describedSchema)
export type Described = Static<typeof describedObject>

/** What stands at a path, as it is returned. */
export function describe(facts: FileFacts): Described {
  if (!isPresent(facts)) return { state: 'absent' }
  return {
    state: facts.kind === 'symlink' ? 'link' : facts.kind,
    mode: facts.mode,
    owner: facts.user,
    group: facts.group,
    uid: facts.uid,
    gid: facts.gid,
    size: facts.sizeBytes,
  }
}

/** The fields of a result that can be told beforehand. */
export function knownPart<T extends Readonly<Record<string, unknown>>>(result: T): Partial<T> {
  const entries = Object.entries(result).filter(([, value]) => !isOpen(value))
  // Entries of a T without some of them are a part of it.
  return Object.fromEntries(entries) as Partial<T>
}
