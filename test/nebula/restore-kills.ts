import { expect, it } from 'vitest'
import { until } from '../servers/nebula/control.ts'
import { explain } from '../slice/bkp.ts'
import { type RestoreScene, requireStatus } from './restore-scene.ts'
import { cutOff } from './scene.ts'

/** When bkp is killed within a restore, and what is done then. */
export interface KillPoint {
  readonly at: keyof typeof tasks
  readonly next: 'abort' | 'resume'
}

/** Tasks of playbooks/nebula/restore.yml that have begun by then. */
const tasks = {
  staging: 'Download the files of every storaged',
  stopping: 'Stop graphd, storageds and metads',
  'after the stop': 'Put the files of storageds in place',
  'between swaps': 'Set the data of metads and of other spaces aside',
  'after restoreMeta': 'Start storageds',
} as const

export const everyKill: readonly KillPoint[] = (
  Object.keys(tasks) as readonly (keyof typeof tasks)[]
).flatMap(at => [
  { at, next: 'abort' },
  { at, next: 'resume' },
])

interface KillScene<Contents> {
  graph(): RestoreScene
  contents(): Promise<Contents>
  backup(): { readonly name: string; readonly contents: Contents }
}

/** bkp is killed; afterwards the old cluster is as it was, or it is restored. */
export function killCases<Contents>(
  points: readonly KillPoint[],
  { graph, contents, backup }: KillScene<Contents>,
): void {
  it.each(points)('killed $at, then $next', async ({ at, next }) => {
    const scene = graph()
    const { cluster, bkp, name } = scene
    await cluster.addRows('cars', 7)
    const before = await contents()
    await killAt(scene, tasks[at], 'restore', { backup: backup().name })
    const outcome = bkp(next, cutOff(scene), `--confirm=${name}`)
    requireStatus(outcome, 0)
    await cluster.settled()
    expect(cluster.services.filter(service => !cluster.isRunning(service))).toEqual([])
    expect(await contents(), explain(outcome)).toEqual(
      next === 'abort' ? before : backup().contents,
    )
  })
}

/** Runs a playbook, and kills bkp once it has begun a task. */
export async function killAt(
  { begin }: RestoreScene,
  task: string,
  playbook: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<void> {
  const begun = begin(playbook, variables)
  try {
    await until(`bkp has begun "${task}"`, () => {
      if (begun.child.exitCode !== null) throw new Error(`it has ended: ${begun.output()}`)
      return begun.output().includes(`Z TASK ${task}`)
    })
  } finally {
    begun.child.kill('SIGKILL')
  }
  expect(await begun.ended, begun.output()).toEqual([null, 'SIGKILL'])
}
