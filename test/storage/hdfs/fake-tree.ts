import type { FakeAnswer } from './fake-hdfs.ts'

interface Node {
  /** Nothing: a directory. */
  readonly bytes: Buffer | undefined
  readonly fileId: number
  readonly modified: number
}

export interface FakeOperation {
  readonly op: string
  readonly path: string
  readonly url: URL
  readonly isData: boolean
  readonly body: Buffer
}

/** What HDFS holds, and how it answers: as Hadoop 3.4.1 was seen to. */
export interface FakeTree {
  readonly nodes: Map<string, Node>
  answer(operation: FakeOperation): FakeAnswer
  /** Paths of files below the directory of the tests. */
  files(): readonly string[]
}

/** Entries of a directory in one answer: few, so that lists have pages. */
const pageSize = 3

export function createFakeTree(): FakeTree {
  const nodes: FakeTree['nodes'] = new Map()
  let lastId = 16_384
  const node = (bytes: Buffer | undefined): Node => {
    lastId += 1
    // As namenodes do: what looks old is swept as what a killed run left.
    return { bytes, fileId: lastId, modified: Date.now() }
  }
  nodes.set('/', node(undefined))
  const makeFolders = (path: string): void => {
    for (let at = path.indexOf('/', 1); ; at = path.indexOf('/', at + 1)) {
      const folder = at < 0 ? path : path.slice(0, at)
      if (!nodes.has(folder)) nodes.set(folder, node(undefined))
      if (at < 0) return
    }
  }
  const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'
  const childrenOf = (folder: string): readonly string[] =>
    [...nodes.keys()]
      .filter(path => path !== '/' && parentOf(path) === folder)
      .map(path => path.slice(path.lastIndexOf('/') + 1))
      .sort((a, b) => (a < b ? -1 : 1))

  const operations: Readonly<Record<string, (operation: FakeOperation) => FakeAnswer>> = {
    MKDIRS: ({ path }) => {
      makeFolders(path)
      return json({ boolean: true })
    },
    GETFILESTATUS: ({ path }) => {
      const found = nodes.get(path)
      return found === undefined ? absent(path) : json({ FileStatus: statusOf('', found) })
    },
    LISTSTATUS_BATCH: ({ path, url }) => {
      if (!nodes.has(path)) return absent(path)
      const after = url.searchParams.get('startAfter') ?? ''
      const left = childrenOf(path).filter(name => name > after)
      const page = left.slice(0, pageSize).flatMap(name => {
        const child = nodes.get(path === '/' ? `/${name}` : `${path}/${name}`)
        return child === undefined ? [] : [statusOf(name, child)]
      })
      const partialListing = { FileStatuses: { FileStatus: page } }
      const remainingEntries = left.length - page.length
      return json({ DirectoryListing: { partialListing, remainingEntries } })
    },
    DELETE: ({ path }) => json({ boolean: nodes.delete(path) }),
    RENAME: ({ path, url }) => {
      const to = url.searchParams.get('destination') ?? ''
      const found = nodes.get(path)
      if (found === undefined) return absent(path)
      if (!nodes.has(parentOf(to))) return absent(to)
      const target = nodes.get(to)
      if (target !== undefined && target.bytes === undefined) {
        return refusal(403, 'IOException', `Source ${path} and ${to} must both be directories`)
      }
      if (target !== undefined && url.searchParams.get('renameoptions') !== 'OVERWRITE') {
        return refusal(403, 'FileAlreadyExistsException', `${to} exists`)
      }
      nodes.delete(path)
      nodes.set(to, found)
      return { status: 200 }
    },
    CREATE: ({ path, url, isData, body }) => {
      if (!isData) return toDatanode(url)
      if (nodes.has(path)) return refusal(403, 'FileAlreadyExistsException', `${path} exists`)
      makeFolders(parentOf(path))
      nodes.set(path, node(body))
      return { status: 201 }
    },
    OPEN: ({ path, url, isData }) => {
      const found = nodes.get(path)
      if (found === undefined) return absent(path)
      if (!isData) {
        const length = found.bytes?.length ?? 0
        const isBeyond = length > 0 && Number(url.searchParams.get('offset') ?? 0) >= length
        return isBeyond ? refusal(403, 'IOException', 'out of the range') : toDatanode(url)
      }
      if (found.bytes === undefined) return absent(path)
      const offset = Number(url.searchParams.get('offset') ?? 0)
      const length = Number(url.searchParams.get('length') ?? found.bytes.length)
      return { status: 200, body: found.bytes.subarray(offset, offset + length) }
    },
  }
  return Object.freeze({
    nodes,
    answer: operation =>
      operations[operation.op]?.(operation) ?? refusal(400, 'IllegalArgumentException', 'op'),
    files: () =>
      [...nodes].flatMap(([path, { bytes }]) =>
        bytes !== undefined && path.startsWith('/p/') ? [path.slice(3)] : [],
      ),
  } satisfies FakeTree)
}

function statusOf(pathSuffix: string, { bytes, fileId, modified }: Node): object {
  const type = bytes === undefined ? 'DIRECTORY' : 'FILE'
  return { pathSuffix, type, length: bytes?.length ?? 0, modificationTime: modified, fileId }
}

function json(value: unknown): FakeAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  }
}

function toDatanode(url: URL): FakeAnswer {
  return { status: 307, headers: { location: `${url}&data=1` } }
}

function refusal(status: number, exception: string, message: string): FakeAnswer {
  const body = { RemoteException: { exception, javaClassName: `java.io.${exception}`, message } }
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function absent(path: string): FakeAnswer {
  return refusal(404, 'FileNotFoundException', `File ${path} does not exist.`)
}
