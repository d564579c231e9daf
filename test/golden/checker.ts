import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

// Reads a repository by the published format alone: nothing of src/ is imported, `protoc` decodes.

/** A decoded message: every field is a list; strings and bytes are Buffers, numbers and enums text. */
type Message = Map<string, (Message | Buffer | string)[]>

export interface CheckedFile {
  readonly [field: string]: string
}
export interface CheckedBackup {
  readonly name: string
  readonly state: string
  readonly parent: string
  readonly files: readonly CheckedFile[]
}

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const need = (fact: boolean, what: string): void => {
  if (!fact) throw new Error(what)
}

/** Checks every block and every manifest of a repository in a folder, and rebuilds every file. */
export function checkRepository(folder: string, proto: string): CheckedBackup[] {
  const blocks = new Map<string, string>()
  for (const entry of readdirSync(join(folder, 'data'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('.')) continue
    const path = join(entry.parentPath, entry.name)
    need(hash(readFileSync(path)) === entry.name.split('.')[0], `${path} is not named by its sha256`)
    blocks.set(entry.name, path)
  }
  const manifests = readdirSync(join(folder, 'manifests')).filter(name => /^\d.*\.manifest$/.test(name))
  return manifests.sort().map(name => checkManifest(join(folder, 'manifests', name), proto, blocks))
}

function checkManifest(path: string, proto: string, blocks: Map<string, string>): CheckedBackup {
  const bytes = readFileSync(path)
  const manifest = decode('BackupManifest', bytes, proto)
  const [meta] = all(manifest, 'backup_meta')
  const backup = { name: basename(path, '.manifest'), state: word(manifest, 'state') || 'COMPLETE' }
  if (backup.state === 'REVOKED') return { ...backup, parent: '', files: [] }
  const [sum] = manifest.get('checksum') ?? []
  need(sum instanceof Buffer && sum.toString('hex') === hash(bytes.subarray(0, -34)), `${path}: bad checksum`)
  const named = new Set<string>()
  const read = (block: Message): Buffer => {
    const generation = word(block, 'generation')
    const key = word(block, 'block_id') + (generation === '' ? '' : `.${generation}`)
    const place = blocks.get(key)
    if (place === undefined) throw new Error(`${path} names ${key}, which is missing`)
    const content = readFileSync(place)
    need(content.length === Number(word(block, 'block_size')), `${path}: size of ${key}`)
    named.add(key)
    return content
  }
  const list = (type: string, from: Message[]): Message =>
    decode(type, Buffer.concat(from.map(read)), proto)
  const indexed = all(manifest, 'storage_index').flatMap(block => all(list('BackupFileList', [block]), 'files'))
  const files = [...all(manifest, 'storage'), ...indexed].map(file => rebuild(file, read, path))
  if (meta !== undefined && meta.has('recovery_kit')) list('RecoveryKit', all(meta, 'recovery_kit'))
  const used = [...named].sort()
  const listed = all(list('BackupBlockList', all(manifest, 'blocks')), 'blocks')
  const keys = listed.map(block => [word(block, 'block_id'), word(block, 'generation')].filter(Boolean).join('.'))
  need(keys.sort().join() === used.join(), `${path}: its list of blocks is not what it names`)
  return { ...backup, parent: meta === undefined ? '' : word(meta, 'parent'), files }
}

/** A file's facts with the sha256 of its bytes, put together from blocks; paths as latin1 text. */
function rebuild(file: Message, read: (block: Message) => Buffer, path: string): CheckedFile {
  const facts = Object.fromEntries([...file].map(([field]) => [field, word(file, field)]))
  const [first, ...rest] = all(file, 'blocks')
  const size = Number(word(file, 'size'))
  const from = first === undefined ? 0 : Number(word(first, 'offset'))
  const whole = first === undefined ? Buffer.alloc(0) : Buffer.concat([read(first), ...rest.map(read)])
  const content = whole.subarray(from, from + size)
  const type = facts['type'] ?? 'FILE'
  need(type !== 'FILE' || content.length === size, `${path}: ${facts['path']} has another size`)
  need(rest.length === 0 || whole.length === size, `${path}: ${facts['path']} has too many bytes`)
  const sha256 = hash(content)
  const [claimed] = file.get('sha256') ?? []
  need(!(claimed instanceof Buffer) || claimed.toString('hex') === sha256, `${path}: sum of ${facts['path']}`)
  return { ...facts, type, sha256 }
}

const all = (message: Message, field: string): Message[] =>
  (message.get(field) ?? []).filter(value => value instanceof Map)

function word(message: Message, field: string): string {
  const [value] = message.get(field) ?? []
  return value instanceof Buffer ? value.toString('latin1') : typeof value === 'string' ? value : ''
}

/** Decodes with protoc, whose output is the protobuf text format: one field or brace a line. */
function decode(type: string, bytes: Buffer, proto: string): Message {
  const words = [`--decode=bkp.v1.${type}`, `-I${join(proto, '..')}`, proto]
  const done = spawnSync('protoc', words, { input: bytes, maxBuffer: 2 ** 30 })
  need(done.status === 0, `protoc cannot decode ${type}: ${done.stderr}`)
  const open: Message[] = [new Map()]
  for (const line of done.stdout.toString('latin1').split('\n')) {
    const [, field = '', brace, value = ''] = /^\s*(\w+)(?: (\{)|: (.*))$/.exec(line) ?? []
    const top = open.at(-1) ?? new Map()
    if (line.trim() === '}') open.pop()
    if (field === '') continue
    const added: Message | Buffer | string =
      brace !== undefined ? new Map() : value.startsWith('"') ? unescape(value.slice(1, -1)) : value
    if (top.has(field)) top.get(field)?.push(added)
    else top.set(field, [added])
    if (added instanceof Map) open.push(added)
  }
  return open[0] ?? new Map()
}

const letters: Record<string, string> = { n: '\n', r: '\r', t: '\t' }

function unescape(text: string): Buffer {
  const plain = text.replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (letters[code] ?? code),
  )
  return Buffer.from(plain, 'latin1')
}
