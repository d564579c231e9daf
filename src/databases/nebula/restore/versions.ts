import { BkpError } from '../../../base/errors.ts'
import type { Generation } from '../contract.ts'

/** What a cluster runs, or a backup was made of. */
export interface NebulaVersion {
  readonly generation: Generation
  /** As services name it: `3.8.0`; null where none does. */
  readonly version: string | null
}

/** How storaged writes keys and values: 2.0.x, 2.5 and 2.6, 3.x differ (specs/nebula.md §6). */
function dataFormat(generation: Generation): '2.0' | '2.1' | '3' {
  return generation === '3.0' || generation === '3.3' ? '3' : generation
}

/** For people: `3.8.0`, or what is known of it. */
export function versionText({ generation, version }: NebulaVersion): string {
  return version ?? rangeOf[generation]
}

const rangeOf: Readonly<Record<Generation, string>> = {
  '2.0': '2.0.x',
  '2.1': '2.1 to 2.6',
  '3.0': '3.0 to 3.2',
  '3.3': '3.3 or newer',
}

/** Major, minor and patch of `v3.6.0-nightly`; undefined of anything else. */
export function versionNumbers(text: string | null): readonly [number, number, number] | undefined {
  const match = /^\D{0,3}(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?/.exec(text ?? '')
  if (match === null) return undefined
  return [Number(match[1]), Number(match[2]), Number(match[3] ?? '0')]
}

/** What a version means for the wire (specs/nebula.md §1.5); undefined where it is none of those. */
export function generationOf(text: string): Generation | undefined {
  const [major, minor = 0] = versionNumbers(text) ?? []
  if (major === 2) return minor === 0 ? '2.0' : '2.1'
  if (major !== 3) return undefined
  return minor < 3 ? '3.0' : '3.3'
}

/**
 * Whether files of the one can be read by the other: a fault where they cannot, a warning where they
 * can and are not of the same version. Pure.
 */
export function compareVersions(
  backup: NebulaVersion,
  cluster: NebulaVersion,
): { readonly fault?: BkpError; readonly warning?: string } {
  const [from, to] = [versionText(backup), versionText(cluster)]
  if (dataFormat(backup.generation) !== dataFormat(cluster.generation)) {
    const fault = new BkpError(
      'nebula.version',
      `the backup is of NebulaGraph ${from}, the cluster runs ${to}: they store data differently`,
      {
        hint: `restore it with NebulaGraph ${from}, then convert the data with db_upgrader`,
        details: { backup: from, cluster: to },
      },
    )
    return { fault }
  }
  const [old, now] = [versionNumbers(backup.version), versionNumbers(cluster.version)]
  const order = old === undefined || now === undefined ? undefined : compareNumbers(old, now)
  if (order === 0) return {}
  if (order !== undefined) {
    const relation = order > 0 ? 'newer' : 'older'
    return { warning: `the backup is of NebulaGraph ${from}, ${relation} than the cluster's ${to}` }
  }
  if (backup.generation === cluster.generation && from === to) return {}
  return { warning: `the backup is of NebulaGraph ${from}, the cluster runs ${to}` }
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  return a.map((part, at) => part - (b[at] ?? 0)).find(difference => difference !== 0) ?? 0
}
