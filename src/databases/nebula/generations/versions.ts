import { BkpError } from '../../../base/errors.ts'
import type { Generation } from '../contract.ts'

interface Release {
  readonly generation: Generation
  readonly major: number
  readonly minor: number
  readonly patch: number
}

/** Which generation a version is of (`3.8.0`, `v2.6.1`); undefined for what is none that bkp knows. */
export function releaseOf(version: string): Release | undefined {
  const [, major, minor, patch] =
    /(?:^|[^\d.])(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?/.exec(version) ?? []
  const release = { major: Number(major), minor: Number(minor), patch: Number(patch ?? 0) }
  if (release.major === 2 && release.minor <= 6) {
    return { generation: release.minor === 0 ? '2.0' : '2.1', ...release }
  }
  if (release.major === 3) return { generation: release.minor < 3 ? '3.0' : '3.3', ...release }
  return undefined
}

/** Whether it is one of 2.x. */
export function isMajor2(generation: Generation): boolean {
  return generation === '2.0' || generation === '2.1'
}

/** The generation that a setting names. @throws nebula.version */
export function generationOf(version: string): Generation {
  const release = releaseOf(version)
  if (release !== undefined) return release.generation
  throw new BkpError('nebula.version', `version ${version} of NebulaGraph is none that bkp knows`, {
    hint: 'bkp works with 2.0 to 2.6 and 3.0 to 3.8; write 2.6.1 or 3.8.0',
  })
}

/** The newest of several versions, as text. */
export function newestVersion(versions: readonly string[]): string | undefined {
  return versions.toSorted((one, other) => rank(other) - rank(one))[0]
}

function rank(version: string): number {
  const { major, minor, patch } = releaseOf(version) ?? { major: 0, minor: 0, patch: 0 }
  return (major * 1000 + minor) * 1000 + patch
}
