import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import type { Command, Host } from '../../../src/connection/contract.ts'
import { discard } from '../../../src/repository/restore/discard.ts'
import { planOwn } from '../../../src/repository/restore/own/plan-own.ts'
import { ownStagePlaces, stageOwn } from '../../../src/repository/restore/own/stage-own.ts'
import type { OwnTree } from '../../../src/repository/restore/own/trees.ts'
import { readStagedStates, type Stage } from '../../../src/repository/restore/staged-state.ts'
import { stageId } from '../../../src/repository/restore/staging.ts'
import { swap } from '../../../src/repository/restore/swap.ts'
import { unswap } from '../../../src/repository/restore/unswap.ts'
import { makeRestoreScene, type RestoreScene } from './scene.ts'
import { snapshot } from './tree.ts'

let scene: RestoreScene
beforeEach(() => {
  scene = makeRestoreScene(['a', 'b'])
})
afterEach(async () => {
  await scene.close()
})

const options = () => ({ id: stageId(scene.run, '1'), run: scene.run, name: 'own' })

async function stage(trees: readonly OwnTree[], hosts: readonly Host[] = scene.hosts) {
  const planned = await planOwn(hosts, trees, quietIo)
  const staged = await stageOwn(options(), hosts, planned, quietIo)
  return { id: options().id, backup: 'own', hosts: staged } satisfies Stage
}

const states = async (staged: Stage) => await readStagedStates(scene.hosts, staged, quietIo)
const moving = () => ({ ...options(), keepUntil: new Date(0) })

/** A checkpoint as RocksDB makes it, below the space it is of. */
function makeSpace(folder: string): { readonly live: string; readonly from: string } {
  const live = join(folder, 'data')
  const from = join(folder, 'checkpoints', 'SNAPSHOT', 'data')
  for (const path of [live, join(from, 'deep')]) mkdirSync(path, { recursive: true })
  writeFileSync(join(live, '9.sst'), 'live')
  writeFileSync(join(from, '1.sst'), 'immutable')
  writeFileSync(join(from, 'CURRENT'), 'MANIFEST-000004\n')
  writeFileSync(join(from, 'deep', 'x.log'), 'log')
  chmodSync(live, 0o750)
  chmodSync(join(from, 'deep'), 0o710)
  return { live, from }
}

describe('an empty folder', () => {
  it('takes the place of a full one with its mode, and gives it back', async () => {
    const target = join(scene.folder, 'meta')
    mkdirSync(join(target, '0', 'data'), { recursive: true })
    writeFileSync(join(target, '0', 'data', 'CURRENT'), 'x')
    chmodSync(target, 0o751)
    const before = snapshot(target)
    const staged = await stage([{ host: 'a', target, content: { kind: 'folder' } }])
    expect(snapshot(target)).toEqual(before)
    await swap(scene.hosts, await states(staged), moving(), quietIo)
    expect(readdirSync(target)).toEqual([])
    expect(lstatSync(target).mode & 0o777).toBe(0o751)
    writeFileSync(join(target, 'new'), 'of the new cluster')
    await unswap(scene.hosts, await states(staged), moving(), quietIo)
    expect(snapshot(target)).toEqual(before)
    await discard(scene.hosts, await states(staged), 'all', moving(), quietIo)
    expect(readdirSync(scene.folder).filter(name => name.startsWith('.bkp-'))).toEqual([])
  })

  it('is not staged where nothing is, or nothing in it', async () => {
    const target = join(scene.folder, 'empty')
    mkdirSync(target)
    const gone = join(scene.folder, 'gone')
    const trees = [target, gone].map(
      (path): OwnTree => ({ host: 'a', target: path, content: { kind: 'folder' } }),
    )
    expect((await stage(trees)).hosts).toEqual({})
  })

  it.each(['/', 'relative', '/a/../b'])('is refused at %s', async target => {
    const tree: OwnTree = { host: 'a', target, content: { kind: 'folder' } }
    await expect(planOwn(scene.hosts, [tree], quietIo)).rejects.toMatchObject({
      code: 'restore.target_invalid',
    })
  })

  it('is refused inside another', async () => {
    const inner = join(scene.folder, 'outer', 'inner')
    mkdirSync(inner, { recursive: true })
    writeFileSync(join(inner, 'file'), 'x')
    const trees = [join(scene.folder, 'outer'), inner].map(
      (target): OwnTree => ({ host: 'a', target, content: { kind: 'folder' } }),
    )
    await expect(planOwn(scene.hosts, trees, quietIo)).rejects.toThrow('overlap')
  })
})

describe('a copy on the same host', () => {
  it('links what never changes, copies the rest, and leaves the checkpoint where it is', async () => {
    const { live, from } = makeSpace(join(scene.folder, '1'))
    const content = { kind: 'copy', from, linked: '.sst' } as const
    const checkpoint = snapshot(from)
    const staged = await stage([{ host: 'a', target: live, content }])
    await swap(scene.hosts, await states(staged), moving(), quietIo)
    expect(readdirSync(live).toSorted()).toEqual(['1.sst', 'CURRENT', 'deep'])
    const inode = (path: string): number => lstatSync(path).ino
    expect(inode(join(live, '1.sst'))).toBe(inode(join(from, '1.sst')))
    expect(inode(join(live, 'CURRENT'))).not.toBe(inode(join(from, 'CURRENT')))
    expect(lstatSync(live).mode & 0o777).toBe(0o750)
    expect(lstatSync(join(live, 'deep')).mode & 0o777).toBe(0o710)
    writeFileSync(join(live, 'CURRENT'), 'changed by the database')
    expect(snapshot(from)).toEqual(checkpoint)
    await unswap(scene.hosts, await states(staged), moving(), quietIo)
    expect(readFileSync(join(live, '9.sst'), 'utf8')).toBe('live')
  })

  it('needs blocks for its folders and for what is copied, and none for links', async () => {
    const { live, from } = makeSpace(join(scene.folder, '1'))
    const target = join(scene.folder, '1')
    const [copied] = await planOwn(
      scene.hosts,
      [{ host: 'a', target: live, content: { kind: 'copy', from, linked: '.sst' } }],
      quietIo,
    )
    expect(copied).toMatchObject({ copiedBytes: 19, linkedBytes: 9, needBytes: 4 * 4096 })
    const [folder] = await planOwn(
      scene.hosts,
      [{ host: 'a', target, content: { kind: 'folder' } }],
      quietIo,
    )
    expect(folder).toMatchObject({ isThere: false, needBytes: 4096 })
  })

  it('refuses a checkpoint that is not there, or holds a link', async () => {
    const { live, from } = makeSpace(join(scene.folder, '1'))
    const tree = (path: string): OwnTree => ({
      host: 'a',
      target: live,
      content: { kind: 'copy', from: path, linked: '.sst' },
    })
    await expect(stage([tree(`${from}x`)])).rejects.toMatchObject({ code: 'restore.incomplete' })
    symlinkSync('/etc/passwd', join(from, 'evil.sst'))
    await expect(stage([tree(from)])).rejects.toThrow('neither a file nor a folder')
  })
})

describe('a copy from another host', () => {
  it('brings the same bytes', async () => {
    const { live, from } = makeSpace(join(scene.folder, '0'))
    const target = join(scene.folder, 'other', 'data')
    mkdirSync(target, { recursive: true })
    const content = { kind: 'transfer', fromHost: 'a', from } as const
    const staged = await stage([{ host: 'b', target, content }])
    await swap(scene.hosts, await states(staged), moving(), quietIo)
    for (const name of ['1.sst', 'CURRENT', 'deep/x.log']) {
      expect(readFileSync(join(target, name))).toEqual(readFileSync(join(from, name)))
    }
    expect(existsSync(live)).toBe(true)
  })
})

/** Fails at the nth thing it is asked to do, as a host that is lost does. */
function breakingAt(host: Host, at: number, done: { count: number }): Host {
  const next = (): void => {
    done.count += 1
    if (done.count === at) throw new Error('killed')
  }
  return {
    ...host,
    run: async (command: Command, io) => {
      next()
      return await host.run(command, io)
    },
    write: async (path, bytes, how, io) => {
      next()
      await host.write(path, bytes, how, io)
    },
  }
}

describe('a stage that is killed', () => {
  it('changes nothing that is live, is refused by the swap, and can be taken up', async () => {
    const { live, from } = makeSpace(join(scene.folder, '1'))
    const before = [snapshot(live), snapshot(from)]
    const tree: OwnTree = {
      host: 'a',
      target: live,
      content: { kind: 'copy', from, linked: '.sst' },
    }
    const planned = await planOwn(scene.hosts, [tree], quietIo)
    const places = { ...options(), backup: 'own', hosts: ownStagePlaces(options().id, planned) }
    let kills = 0
    for (const done = { count: 0 }; ; done.count = 0) {
      const hosts = scene.hosts.map(host => breakingAt(host, kills + 1, done))
      const error = await stageOwn(options(), hosts, planned, quietIo).catch(thrown => thrown)
      if (!(error instanceof Error)) break
      kills += 1
      expect([snapshot(live), snapshot(from)]).toEqual(before)
      const left = await states(places)
      await expect(swap(scene.hosts, left, moving(), quietIo)).rejects.toThrow()
    }
    expect(kills).toBeGreaterThan(4)
    await swap(scene.hosts, await states(places), moving(), quietIo)
    expect(readdirSync(live)).toContain('1.sst')
  })
})
