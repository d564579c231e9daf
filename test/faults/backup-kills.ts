import { expect } from 'vitest'
import { explain, playbooks } from '../slice/bkp.ts'
import { type CheckedBackup, checkRepository } from '../slice/checker.ts'
import { contents, type Listing } from '../slice/listing.ts'
import { changeTree, hosts, makeScene, makeTree, type Scene } from './scene.ts'

/** The failpoints of one kind, in order: `journal:1`, `journal:2`, ... */
export type Points = (n: number) => string

export const journalPoints: Points = n => `journal:${n}`
export const beforeWrites: Points = n => `storage:${n}:before`
export const afterWrites: Points = n => `storage:${n}:after`

/** A scene whose trees were backed up and changed since. */
export interface BackedUpScene extends Scene {
  /** The trees as they were when they were backed up. */
  readonly backedUp: ReadonlyMap<string, Listing>
}

/** A scene in which one backup was taken and the trees changed since; saved as `start`. */
export async function sceneWithBackup(): Promise<BackedUpScene> {
  const scene = makeScene()
  for (const host of hosts) makeTree(scene, host)
  const backedUp = new Map(hosts.map(host => [host, scene.listTree(host)]))
  await backUp(scene)
  for (const host of hosts) changeTree(scene, host)
  scene.save('start')
  return Object.freeze({ ...scene, backedUp })
}

/** A scene without a repository; saved as `start`. */
export function sceneWithoutBackup(): Scene {
  const scene = makeScene()
  for (const host of hosts) makeTree(scene, host)
  scene.save('start')
  return scene
}

/** A backup that nobody kills; in this process, which need not be started for it. */
async function backUp(scene: Scene, point = 'unkilled'): Promise<void> {
  const outcome = await scene.runInProcess(['run', playbooks.backup, '-i', scene.inventory])
  expect(outcome.status, `${point}\n${outcome.stdout}${outcome.stderr}`).toBe(0)
}

/** Which points: every one by default. */
export interface Sample {
  readonly from?: number
  readonly stride?: number
}

/**
 * Kills a backup at the points of one kind until one is not reached. After each kill every older
 * backup must be whole, and the next run must store what is there. Returns how many kills there were.
 */
export async function killBackups(
  scene: Scene,
  points: Points,
  { from = 1, stride = 1 }: Sample = {},
): Promise<number> {
  scene.load('start')
  const older = existingBackups(scene)
  for (let n = from; ; n += stride) {
    scene.load('start')
    const outcome = scene.run(['run', playbooks.backup, '-i', scene.inventory], {
      env: { BKP_FAILPOINT: points(n) },
    })
    if (outcome.signal === null) {
      expect(outcome.status, explain(outcome)).toBe(0)
      return (n - from) / stride
    }
    expect(outcome.signal, points(n)).toBe('SIGKILL')
    expectWhole(scene, older, points(n))
    await backUp(scene, points(n))
    const after = checkRepository(scene.storage)
    expectNewest(scene, after, points(n))
    expect(after.slice(0, older.length), points(n)).toEqual(older)
  }
}

function existingBackups(scene: Scene): readonly CheckedBackup[] {
  return scene.hasRepository() ? checkRepository(scene.storage) : []
}

/** Older backups as they were; one more at most, which the kill came too late for. */
function expectWhole(scene: Scene, older: readonly CheckedBackup[], point: string): void {
  const now = existingBackups(scene)
  expect(now.slice(0, older.length), point).toEqual(older)
  expect(now.length - older.length, point).toBeLessThanOrEqual(1)
  if (now.length > older.length) expectNewest(scene, now, point)
}

function expectNewest(scene: Scene, backups: readonly CheckedBackup[], point: string): void {
  const newest = backups.filter(({ state }) => state === 'COMPLETE').at(-1)
  expect(newest, point).toBeDefined()
  for (const host of hosts) {
    const tree = scene.tree(host)
    const live = Object.entries(contents(scene.listTree(host)))
    expect(newest?.hosts[host], point).toEqual(
      Object.fromEntries(live.map(([path, sum]) => [tree + path, sum])),
    )
  }
}
