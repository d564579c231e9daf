import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import {
  type BackupFile,
  BackupFile_Type,
  BackupManifestSchema,
} from '../../../src/repository/manifest_pb.ts'
import { manifestKey } from '../../../src/repository/names.ts'
import { openRepository, readBackup } from '../../../src/repository/repository.ts'
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

describe('a hostile manifest', () => {
  /** Rewrites the newest manifest as one who can write to the storage would. */
  async function tamper(change: (files: BackupFile[]) => void): Promise<void> {
    const name = await scene.backUp([{ path: target }])
    const repo = await openRepository(scene.storage, quietIo)
    const { manifest } = await readBackup(repo, name, quietIo)
    const files = [...manifest.storage]
    change(files)
    // Encoded without the checks of those who write honestly.
    const meta = manifest.backupMeta
    if (meta !== undefined) meta.toolVersion = ''
    const bytes = toBinary(
      BackupManifestSchema,
      create(BackupManifestSchema, { ...manifest, storage: files, checksum: new Uint8Array() }),
    )
    await scene.storage.put(manifestKey(name), bytes, quietIo)
  }

  const rename = (file: BackupFile | undefined, path: string): void => {
    if (file !== undefined) file.path = Buffer.from(path)
  }

  it('is only what is refused: rewritten without a change it restores', async () => {
    await tamper(() => {})
    const before = snapshot(target)
    appendFileSync(join(target, 'small'), '+')
    rmSync(join(target, 'large'))
    await scene.swap(await scene.stage())
    expect(snapshot(target)).toEqual(before)
  })

  it.each([
    ['climbs out', (files: BackupFile[]) => rename(files.at(-1), `${target}/../../etc/passwd`)],
    ['has a path beside its root', (files: BackupFile[]) => rename(files.at(-1), '/etc/passwd')],
    ['has a dot', (files: BackupFile[]) => rename(files.at(-1), `${target}/./small`)],
    ['has a NUL', (files: BackupFile[]) => rename(files.at(-1), `${target}/sm\0all`)],
    [
      'puts a file below a symbolic link',
      (files: BackupFile[]) => {
        const [, first, second] = files
        if (first === undefined || second === undefined) return
        Object.assign(first, {
          path: Buffer.from(`${target}/link`),
          type: BackupFile_Type.SYMLINK,
          symlinkTarget: Buffer.from('/etc'),
          size: 0n,
          blocks: [],
          sha256: new Uint8Array(),
        })
        rename(second, `${target}/link/cron.d`)
      },
    ],
    [
      'names a size that its blocks do not have',
      (files: BackupFile[]) => {
        const file = files.at(-1)
        if (file !== undefined) file.size = 1n << 50n
      },
    ],
    ['names a file twice', (files: BackupFile[]) => files.push(...files.slice(-1))],
  ])('that %s is refused before anything is written', async (_, change) => {
    await tamper(change)
    appendFileSync(join(target, 'small'), '+')
    const changed = snapshot(target)
    await expect(scene.stage()).rejects.toMatchObject({ code: 'repository.manifest_invalid' })
    expect(snapshot(target)).toEqual(changed)
    expect(beside()).toEqual([])
  })
})
