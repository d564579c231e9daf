import { BkpError } from '../../base/errors.ts'
import type { BackupMeta, Generation } from './contract.ts'
import { backupCodecs } from './generations/backup-forms.ts'
import { frame } from './thrift/frames.ts'
import { type RawValue, readRaw } from './thrift/raw.ts'
import { thriftReader } from './thrift/reader.ts'
import { thriftWriter } from './thrift/writer.ts'

/** How the official BR of a generation writes the file: A of 2.0, B of 2.1 to 2.6, C of 3.x. */
export type MetaFileLayout = 'A' | 'B' | 'C'

const layouts: Readonly<Record<Generation, MetaFileLayout>> = Object.freeze({
  '2.0': 'A',
  '2.1': 'B',
  '3.0': 'C',
  '3.3': 'C',
})

/** The layout of the BR that goes with a generation. */
export function metaFileLayout(generation: Generation): MetaFileLayout {
  return layouts[generation]
}

/**
 * The bytes of a `.meta` file as the official BR writes it (specs/nebula.md §5.1): the struct of the
 * generation, with base names of the files; A without a length before it.
 * @throws nebula.version for a layout that cannot hold a backup of that generation
 */
export function encodeMetaFile(meta: BackupMeta, layout: MetaFileLayout): Uint8Array {
  const { generation, metaFiles, name } = meta
  if (layouts[generation] !== layout) {
    throw new BkpError(
      'nebula.version',
      `${name} is of NebulaGraph ${generation}, which layout ${layout} cannot hold`,
      { hint: `use layout ${layouts[generation]}` },
    )
  }
  const writer = thriftWriter()
  backupCodecs[generation].write(writer, { ...meta, metaFiles: metaFiles.map(baseName) })
  return layout === 'A' ? writer.done() : frame(writer.done())
}

/**
 * What a `.meta` file says; of which generation it is shows in its fields only (specs §5.1).
 * @throws nebula.backup_invalid saying what is wrong with it
 */
export function decodeMetaFile(bytes: Uint8Array): {
  readonly meta: BackupMeta
  /** Whether its length stands before it. */
  readonly framed: boolean
} {
  const { payload, framed } = unframe(bytes)
  try {
    const reader = thriftReader(payload)
    const generation = generationOf(readWhole(payload))
    const meta = backupCodecs[generation].read(reader)
    return { meta: { ...meta, metaFiles: meta.metaFiles.map(checkedName) }, framed }
  } catch (error) {
    if (!(error instanceof BkpError) || error.code !== 'nebula.protocol') throw error
    throw invalid(error.message, error)
  }
}

const mapByte = 0x0d

function unframe(bytes: Uint8Array): { readonly payload: Uint8Array; readonly framed: boolean } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer.length === 0) throw invalid('it is empty')
  if (buffer[0] === mapByte) return { payload: buffer, framed: false }
  if (buffer.length < 4) throw invalid(`it ends after ${buffer.length} bytes`)
  const length = buffer.readUInt32BE()
  if (length === buffer.length - 4 && buffer[4] === mapByte) {
    return { payload: buffer.subarray(4), framed: true }
  }
  if (buffer[4] !== mapByte) throw invalid('it does not begin as a .meta file does')
  throw length > buffer.length - 4
    ? invalid(`it was cut off: ${buffer.length - 4} of ${length} bytes are there`)
    : invalid(`${buffer.length - 4 - length} bytes stand behind its end`)
}

function readWhole(payload: Uint8Array): RawValue {
  const reader = thriftReader(payload)
  const whole = readRaw(reader, 12)
  if (reader.left() > 0) throw invalid(`${reader.left()} bytes stand behind its end`)
  return whole
}

/** Nothing in the file names its version: the types of its fields tell. */
function generationOf(whole: RawValue): Generation {
  const signs = new Set((whole.fields.get(1)?.elements ?? []).flatMap(signsOf))
  const isNewest = [7, 8, 9].some(id => whole.fields.has(id))
  if (isNewest) signs.add('3.x')
  const [sign, ...others] = signs
  if (others.length > 0) throw invalid(`it is partly of ${[...signs].join(', partly of ')}`)
  if (sign === '3.x') return isNewest ? '3.3' : '3.0'
  if (sign !== undefined) return sign
  return whole.fields.has(6) ? '2.1' : '2.0'
}

type Sign = '2.0' | '2.1' | '3.x'

/** What one SpaceBackupInfo shows. */
function signsOf(space: RawValue): readonly Sign[] {
  if (space.fields.get(2)?.wire === 12 || space.fields.get(3)?.wire === 15) return ['2.0']
  const checkpoints = (space.fields.get(2)?.elements ?? []).flatMap(
    host => host.fields.get(2)?.elements ?? [],
  )
  const signs = checkpoints.flatMap((checkpoint): readonly Sign[] => {
    const first = checkpoint.fields.get(1)?.wire
    return first === 12 ? ['2.1'] : first === 8 ? ['3.x'] : []
  })
  // group_name became zone_names, a list, in 3.0.
  const zones = space.fields.get(1)?.fields.get(7)?.wire === 15
  return zones ? ['3.x', ...signs] : signs
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** They become paths: of a file in place of a name only the name is taken. */
function checkedName(path: string): string {
  const name = baseName(path)
  if (name !== '' && name !== '.' && name !== '..' && !name.includes('\0')) return name
  throw invalid(`it names a file ${JSON.stringify(path)}`)
}

function invalid(why: string, cause?: unknown): BkpError {
  return new BkpError('nebula.backup_invalid', `the .meta file is damaged: ${why}`, {
    cause,
    hint: 'an upload that broke off leaves such files: take another backup, or another copy of this one',
  })
}
