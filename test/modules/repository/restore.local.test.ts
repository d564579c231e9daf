import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import type { Host } from '../../../src/connection/contract.ts'
import { backup } from '../../../src/modules/repository/backup.ts'
import { discard } from '../../../src/modules/repository/discard.ts'
import { list } from '../../../src/modules/repository/list.ts'
import { stage } from '../../../src/modules/repository/stage.ts'
import { swap } from '../../../src/modules/repository/swap.ts'
import { unswap } from '../../../src/modules/repository/unswap.ts'
import { verify } from '../../../src/modules/repository/verify.ts'
import { key } from '../../../src/storage/key.ts'
import { makeRestoreScene, type RestoreScene } from '../../repository/restore/scene.ts'
import { snapshot } from '../../repository/restore/tree.ts'
import { applyAt, makeSite, planAt } from './site.ts'

let scene: RestoreScene
let target: string
beforeEach(() => {
  scene = makeRestoreScene(['a', 'b'])
  target = join(scene.folder, 'db')
  mkdirSync(join(target, 'sub'), { recursive: true })
  writeFileSync(join(target, 'one'), 'one')
  writeFileSync(join(target, 'sub', 'two'), 'two')
})
afterEach(async () => {
  await scene.close()
})

/** Two hosts on one machine would share a path: only the first has one. */
const only = (): { storage: string; paths: Record<string, string[]> } => ({
  storage: 'vault',
  paths: { a: [target] },
})

describe('the repository modules', () => {
  it('walk what is backed up only once where the step is applied at once', async () => {
    const walks: string[] = []
    const hosts = scene.hosts.map(
      (host): Host => ({
        ...host,
        scan: (scan, io) => {
          walks.push(host.name)
          return host.scan(scan, io)
        },
      }),
    )
    const { site } = makeSite({ ...scene, hosts })
    const stored = await applyAt({ ...site, appliesNow: true }, backup, only())
    expect(stored).toMatchObject({ files: 2, bytes: 6 })
    expect(walks).toEqual(['a'])
    await planAt(site, backup, only())
    expect(walks).toEqual(['a', 'a'])
  })

  it('back up, stage, swap, put back, swap again, verify and discard', async () => {
    const { site, next } = makeSite(scene)
    const planned = await planAt(site, backup, only())
    expect(planned).toMatchObject({
      kind: 'change',
      changes: [
        {
          action: 'create',
          target: 'backup of default in vault',
          bytes: 6,
          notes: [
            'a full backup; vault becomes a repository',
            'a: 2 files, 6 B; 2 to read (6 B), 0 B reused; plane local: the controller is the host',
          ],
        },
      ],
    })
    const stored = await applyAt(site, backup, only())
    expect(stored).toMatchObject({ files: 2, bytes: 6, reused_bytes: 0 })
    const before = snapshot(target)

    const none = await planAt(next('2'), stage, { storage: 'vault' })
    expect(none).toMatchObject({ kind: 'unchanged', result: { id: '', fetch_bytes: 0 } })
    const nothing = { id: '', backup: stored.backup, hosts: {} }
    for (const module of [swap, unswap, discard] as const) {
      const decision = await planAt(site, module as typeof swap, { stage: nothing })
      expect(decision.kind).toBe('unchanged')
    }

    appendFileSync(join(target, 'one'), '+')
    rmSync(join(target, 'sub'), { recursive: true })
    const changed = snapshot(target)
    const step = next('3')
    const change = await planAt(step, stage, { storage: 'vault' })
    expect(change).toMatchObject({
      kind: 'change',
      result: { backup: stored.backup, fetch_bytes: 6 },
      binding: { backup: stored.backup, hosts: ['a'], targets: [`a:${target}`] },
    })
    const staged = await applyAt(step, stage, { storage: 'vault' })
    expect(Object.keys(staged.hosts)).toEqual(['a'])
    expect(snapshot(target)).toEqual(changed)

    const swapping = await planAt(next('4'), swap, { stage: staged })
    expect(swapping).toMatchObject({
      kind: 'change',
      changes: [{ action: 'update', target, host: 'a', destructive: true }],
    })
    const swapped = await applyAt(next('5'), swap, { stage: staged, keep: '1h' })
    expect(swapped).toMatchObject({ id: staged.id, swapped: { a: [target] } })
    expect(snapshot(target)).toEqual(before)
    expect((await planAt(site, swap, { stage: staged })).kind).toBe('unchanged')

    await applyAt(next('6'), unswap, { stage: staged })
    expect(snapshot(target)).toEqual(changed)
    expect((await planAt(site, unswap, { stage: staged })).kind).toBe('unchanged')
    await applyAt(next('7'), swap, { stage: staged })
    expect(snapshot(target)).toEqual(before)

    const verified = await applyAt(site, verify, { storage: 'vault', read_data: true })
    expect(verified.checked.backups).toBe(1)
    const removed = await applyAt(site, discard, { stage: staged, what: 'old' })
    expect(removed.discarded).toEqual([`a:${staged.hosts['a']?.[0]?.old}`])
    expect(existsSync(join(scene.folder, `.bkp-${staged.id}-db`))).toBe(false)
    expect(snapshot(target)).toEqual(before)
    expect((await planAt(site, discard, { stage: staged })).kind).toBe('unchanged')
    expect((await planAt(site, unswap, { stage: staged })).kind).toBe('unchanged')

    const { backups } = await applyAt(site, list, { storage: 'vault' })
    expect(backups).toMatchObject([{ name: stored.backup, state: 'complete', hosts: ['a'] }])
  })

  it('swap no host when one of them is not ready', async () => {
    const other = join(scene.folder, 'other')
    mkdirSync(other)
    writeFileSync(join(other, 'file'), 'file')
    const { site, next } = makeSite(scene)
    const paths = { a: [target], b: [{ path: other, as: 'relative' }] }
    await applyAt(site, backup, { storage: 'vault', paths })
    appendFileSync(join(target, 'one'), '+')
    appendFileSync(join(other, 'file'), '+')
    const changed = [snapshot(target), snapshot(other)]
    const unmapped = planAt(next('2'), stage, { storage: 'vault' })
    await expect(unmapped).rejects.toThrow('"relative" was backed up under a relative name')
    const args = { storage: 'vault', path_map: { relative: other } }
    const staged = await applyAt(next('3'), stage, args)
    expect(Object.keys(staged.hosts)).toEqual(['a', 'b'])
    rmSync(`${staged.hosts['b']?.[0]?.staged}`, { recursive: true })
    const swapping = applyAt(next('4'), swap, { stage: staged })
    await expect(swapping).rejects.toMatchObject({ code: 'restore.tampered' })
    expect([snapshot(target), snapshot(other)]).toEqual(changed)
  })

  it('recover tells a finished swap from one that must run again', async () => {
    const { site, next } = makeSite(scene)
    await applyAt(site, backup, only())
    appendFileSync(join(target, 'one'), '+')
    const staged = await applyAt(next('2'), stage, { storage: 'vault' })
    const args = { stage: staged }
    const before = await swap.inspect(site, args, quietIo)
    const recover = async () =>
      await swap.recover?.(site, { args, before, intent: undefined }, quietIo)
    expect(await recover()).toEqual({ state: 'not_started' })
    await applyAt(site, swap, args)
    expect(await recover()).toMatchObject({ state: 'done', result: { swapped: { a: [target] } } })
  })

  it('names block, files and backups when a verification finds errors', async () => {
    const { site } = makeSite(scene)
    const stored = await applyAt(site, backup, only())
    for await (const { key: name } of scene.storage.list('data/', quietIo)) {
      const bytes = Buffer.from(await scene.storage.get(name, quietIo))
      if (bytes.toString() !== 'onetwo') continue
      bytes[0] = 0x4f
      await scene.storage.put(key(name), bytes, quietIo)
    }
    await applyAt(site, verify, { storage: 'vault' })
    const failing = applyAt(site, verify, { storage: 'vault', backup: 'latest', read_data: true })
    await expect(failing).rejects.toMatchObject({
      code: 'repository.damaged',
      details: { errors: [{ code: 'repository.block_corrupt', backups: [stored.backup] }] },
    })
    await expect(failing).rejects.toThrow(`a:${target}/one`)
  })

  it('takes paths and identity from the cluster, and records who is missing', async () => {
    const cluster = {
      name: 'graph',
      kind: 'files',
      roles: { hosts: ['a', 'z'] },
      hosts: ['a', 'z'],
      settings: { paths: [target], identity: 'inode' },
    }
    const { site } = makeSite({ ...scene, clusters: [cluster] })
    const args = { storage: 'vault', cluster: 'graph' }
    await expect(planAt(site, backup, args)).rejects.toMatchObject({
      code: 'cluster.hosts_missing',
    })
    await applyAt(site, backup, { ...args, allow_missing: ['z'] })
    const { backups } = await applyAt(site, list, { storage: 'vault', cluster: 'graph' })
    expect(backups).toMatchObject([{ state: 'incomplete', hosts: ['a'], missing: ['z'] }])
    const [planned] = await scene.plan({ allowMissing: ['z'] }, backups[0]?.name)
    expect(planned?.difference).toMatchObject({ changed: 0, removed: 0 })
  })

  it('refuses paths of hosts it does not know, and paths that climb', async () => {
    const { site } = makeSite(scene)
    const args = { storage: 'vault', paths: { aa: ['/x'], b: ['/x/../y'] } }
    await expect(planAt(site, backup, args)).rejects.toMatchObject({
      code: 'schema.invalid',
      faults: [
        { message: 'paths: "aa" is no host of this step', hint: 'did you mean "a"?' },
        { message: 'paths: "/x/../y" has a component ".."' },
      ],
    })
  })
})
