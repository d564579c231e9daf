import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import type { Host } from '../../../src/connection/contract.ts'
import { resolveBackup } from '../../../src/repository/catalogue.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import { discard } from '../../../src/repository/restore/discard.ts'
import { stage } from '../../../src/repository/restore/stage.ts'
import { readStagedStates, type Stage } from '../../../src/repository/restore/staged-state.ts'
import { stageId } from '../../../src/repository/restore/staging.ts'
import { unswap } from '../../../src/repository/restore/unswap.ts'
import type { key } from '../../../src/storage/key.ts'
import { makeRestoreScene, type RestoreScene } from './scene.ts'
import { snapshot } from './tree.ts'

let scene: RestoreScene
let target: string
beforeEach(() => {
  scene = makeRestoreScene()
  target = join(scene.folder, 'db')
  mkdirSync(target)
  writeFileSync(join(target, 'small'), 'small')
  writeFileSync(join(target, 'large'), Buffer.alloc(2_000_000, 'large'))
})
afterEach(async () => {
  await scene.close()
})

/** Everything beside the target: nothing of ours may be left there. */
const beside = (): readonly string[] =>
  readdirSync(scene.folder).filter(name => name.startsWith('.bkp-'))

async function blockOf(size: number): Promise<ReturnType<typeof key>> {
  for await (const object of scene.storage.list('data/', quietIo)) {
    if (object.sizeBytes === size) return object.key
  }
  throw new Error(`no block of ${size} bytes`)
}

describe('a damaged backup', () => {
  it.each([
    ['packed', 5, 'small'],
    ['large', 2_000_000, 'large'],
  ])(
    'with a flipped byte in a %s block stops before anything is staged for good',
    async (_, size, name) => {
      await scene.backUp([{ path: target }])
      appendFileSync(join(target, name), '+')
      const changed = snapshot(target)
      const block = await blockOf(size)
      const bytes = Buffer.from(await scene.storage.get(block, quietIo))
      bytes[3] = (bytes[3] ?? 0) ^ 1
      await scene.storage.put(block, bytes, quietIo)
      await expect(scene.stage()).rejects.toMatchObject({
        code: 'repository.block_corrupt',
        details: { host: 'here', path: join(target, name), block: block.slice('data/'.length) },
      })
      expect(snapshot(target)).toEqual(changed)
      expect(beside()).toEqual([])
    },
  )

  it('with a missing block stops as well', async () => {
    await scene.backUp([{ path: target }])
    appendFileSync(join(target, 'large'), '+')
    const changed = snapshot(target)
    await scene.storage.delete([await blockOf(2_000_000)], quietIo)
    await expect(scene.stage()).rejects.toMatchObject({ code: 'repository.block_missing' })
    expect(snapshot(target)).toEqual(changed)
    expect(beside()).toEqual([])
  })
})

describe('a stage', () => {
  let staged: Stage
  let holder: string
  const states = async () => await readStagedStates(scene.hosts, staged, quietIo)
  const options = () => ({ id: staged.id, run: scene.run, keepUntil: new Date(0) })
  beforeEach(async () => {
    await scene.backUp([{ path: target }])
    appendFileSync(join(target, 'small'), '+')
    staged = await scene.stage()
    holder = dirname(staged.hosts['here']?.[0]?.staged ?? '')
  })

  it('is built anew by a rerun, whatever the first one left', async () => {
    const record = join(holder, 'stage.json')
    const cut = readFileSync(record, 'utf8').replace('"complete":true', '"complete":false')
    writeFileSync(record, cut)
    writeFileSync(join(holder, 'new', 'litter'), 'litter')
    await expect(scene.swap(staged)).rejects.toMatchObject({ code: 'restore.incomplete' })
    const again = await scene.stage()
    expect(again).toEqual(staged)
    await scene.swap(again)
    expect(existsSync(join(target, 'litter'))).toBe(false)
  })

  it('that was replaced by a link or another tree is not swapped', async () => {
    const changed = snapshot(target)
    renameSync(join(holder, 'new'), join(scene.folder, 'elsewhere'))
    symlinkSync('/etc', join(holder, 'new'))
    await expect(scene.swap(staged)).rejects.toMatchObject({ code: 'restore.tampered' })
    rmSync(join(holder, 'new'))
    mkdirSync(join(holder, 'new'))
    await expect(scene.swap(staged)).rejects.toMatchObject({ code: 'restore.tampered' })
    renameSync(holder, `${holder}.away`)
    symlinkSync(`${holder}.away`, holder)
    await expect(scene.swap(staged)).rejects.toMatchObject({ code: 'restore.tampered' })
    expect(snapshot(target)).toEqual(changed)
  })

  it('is not swapped into what something else made meanwhile', async () => {
    const tree = snapshot(target)
    rmSync(join(holder, 'old'), { force: true, recursive: true })
    mkdirSync(join(holder, 'old'))
    await expect(scene.swap(staged)).rejects.toMatchObject({ code: 'restore.conflict' })
    expect(snapshot(target)).toEqual(tree)
  })

  it('can be discarded, and no folder without our record can', async () => {
    writeFileSync(join(holder, 'stage.json'), 'not ours')
    await expect(
      discard(scene.hosts, await states(), 'all', options(), quietIo),
    ).rejects.toMatchObject({ code: 'restore.tampered' })
    expect(existsSync(join(holder, 'new', 'small'))).toBe(true)
    staged = await scene.stage()
    await discard(scene.hosts, await states(), 'all', options(), quietIo)
    expect(beside()).toEqual([])
    expect(readFileSync(join(target, 'small'), 'utf8')).toBe('small+')
  })

  it('refuses paths that are not where it staged', async () => {
    const elsewhere = { target, staged: '/etc/new', old: '/etc/old' }
    const wrong = { ...staged, hosts: { here: [elsewhere] } }
    await expect(readStagedStates(scene.hosts, wrong, quietIo)).rejects.toMatchObject({
      code: 'restore.target_invalid',
    })
    await expect(
      readStagedStates(scene.hosts, { ...staged, id: '../../etc' }, quietIo),
    ).rejects.toMatchObject({ code: 'restore.target_invalid' })
  })

  it('that was never swapped is nothing to put back', async () => {
    const tree = snapshot(target)
    await unswap(scene.hosts, await states(), options(), quietIo)
    expect(snapshot(target)).toEqual(tree)
    await scene.swap(staged)
    await discard(scene.hosts, await states(), 'old', options(), quietIo)
    const restored = snapshot(target)
    await unswap(scene.hosts, await states(), options(), quietIo)
    expect(snapshot(target)).toEqual(restored)
  })

  it('leaves its folders out of later backups', async () => {
    await scene.swap(staged)
    await scene.backUp([{ path: scene.folder }])
    const planned = await scene.plan({ paths: [scene.folder] })
    const backedUp = planned[0]?.difference
    // The kept tree is there now and is not in the backup.
    expect(backedUp?.lines.some(line => line.startsWith('removed .bkp-'))).toBe(true)
  })
})

describe('a stage beside a database that runs', () => {
  it('fetches what was written or removed between looking and copying', async () => {
    for (const name of ['copied', 'rewritten', 'removed', 'linked']) {
      writeFileSync(join(target, name), `${name} as it was`)
    }
    const before = snapshot(target)
    await scene.backUp([{ path: target }])
    appendFileSync(join(target, 'small'), '+')
    const [here] = scene.hosts as [Host]
    let meddled = false
    const host: Host = {
      ...here,
      run: async (command, io) => {
        const isCopy = command.argv.some(word => String(word).includes('--reflink'))
        if (isCopy && !meddled) {
          meddled = true
          const { mtime, atime } = statSync(join(target, 'rewritten'))
          writeFileSync(join(target, 'rewritten'), 'REWRITTEN as is no')
          utimesSync(join(target, 'rewritten'), atime, mtime)
          rmSync(join(target, 'removed'))
          rmSync(join(target, 'linked'))
          symlinkSync('/etc/passwd', join(target, 'linked'))
        }
        return await here.run(command, io)
      },
    }
    const repo = await openRepository(scene.storage, quietIo)
    const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    const id = stageId(scene.run, '1')
    const hosts = await stage(
      { repo, backup, run: scene.run, id },
      [host],
      await scene.plan(),
      quietIo,
    )
    expect(meddled).toBe(true)
    await scene.swap({ id, backup: backup.name, hosts })
    expect(snapshot(target)).toEqual(before)
  })
})

describe('a stage that is cut off', () => {
  /** The n-th thing that is done on the host does not come back. */
  function cutOff(host: Host, n: number): { readonly host: Host; readonly calls: () => number } {
    let calls = 0
    const lost = (): void => {
      calls += 1
      if (calls === n) throw new BkpError('ssh.lost', 'the connection broke')
    }
    return {
      calls: () => calls,
      host: {
        ...host,
        run: async (command, io) => {
          lost()
          return await host.run(command, io)
        },
        stream: (command, io) => {
          lost()
          return host.stream(command, io)
        },
        write: async (path, bytes, options, io) => {
          lost()
          await host.write(path, bytes, options, io)
        },
      },
    }
  }

  it('at each of its writes leaves the live tree alone, and a rerun ends it', async () => {
    symlinkSync('small', join(target, 'link'))
    mkdirSync(join(target, 'sub'))
    const before = snapshot(target)
    await scene.backUp([{ path: target }])
    appendFileSync(join(target, 'small'), '+')
    const changed = snapshot(target)
    const repo = await openRepository(scene.storage, quietIo)
    const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
    const options = { repo, backup, run: scene.run, id: stageId(scene.run, '1') }
    for (let n = 1; ; n += 1) {
      const [here] = scene.hosts
      const cut = cutOff(here as Host, n)
      const planned = await scene.plan()
      const outcome = await stage(options, [cut.host], planned, quietIo).then(
        () => 'done',
        (error: unknown) => (error instanceof BkpError ? error.code : String(error)),
      )
      expect(snapshot(target)).toEqual(changed)
      if (cut.calls() < n) {
        expect(outcome).toBe('done')
        expect(n).toBeGreaterThan(8)
        break
      }
      expect(outcome).toBe('ssh.lost')
    }
    await scene.swap(await scene.stage())
    expect(snapshot(target)).toEqual(before)
  })
})
