import { BkpError } from '../../base/errors.ts'
import type { Scan } from '../contract.ts'
import { joinLines, quotePath, script } from '../quote.ts'
import { textLines } from './fields.ts'
import { makeScan, type ScanEnd } from './internals.ts'
import { lastWords, unreadable } from './replies.ts'

/**
 * openssl hashes several times faster than coreutils; both print the hash first, a line for each file
 * they are given, or one for stdin.
 */
const hashFunction = joinLines([
  script`if command -v openssl >/dev/null 2>&1; then hash() { openssl dgst -sha256 -r "$@"; }`,
  script`else hash() { sha256sum "$@"; }; fi`,
])

/** The last line of every scan of hashes: without it the list is not whole. */
const endLine = 'E'
const endMark = script`echo ${Buffer.from(endLine)}\n`

function cutShort(what: string, ended: ScanEnd): BkpError {
  const said = lastWords(ended.stderr)
  return new BkpError('command.failed', `${what} ended early${said === '' ? '' : `: ${said}`}`)
}

/** The sha256 of one piece of a file. */
export interface BlockHash {
  /** Place in the request. */
  readonly file: number
  /** 0 for the first `blockBytes` of the file. */
  readonly block: number
  /** 64 hex digits. */
  readonly sha256: string
  /** Bytes that were hashed, as counted on the host: fewer than asked when the file is shorter now. */
  readonly lengthBytes: number
}

/** Bytes that dd takes at a time, where it divides the block. */
const readBytes = 1024 * 1024

/**
 * The sha256 of each `blockBytes` of each file, in order, computed on the host: nothing but hashes
 * travels. An empty file has no blocks. @throws file.unreadable naming the file that failed
 */
export function hashBlocks(options: {
  readonly files: readonly { readonly path: string | Uint8Array; readonly sizeBytes: number }[]
  readonly blockBytes: number
}): Scan<BlockHash> {
  const { files, blockBytes } = options
  const bs = blockBytes % readBytes === 0 ? readBytes : blockBytes
  const perBlock = blockBytes / bs
  function* input(): Generator<Uint8Array> {
    for (const { path, sizeBytes } of files) {
      yield script`h ${quotePath(path)} ${Math.ceil(sizeBytes / blockBytes)}\n`
    }
    yield endMark
  }
  return makeScan<BlockHash>('hashBlocks', options, {
    script: joinLines([
      hashFunction,
      // Per block: the hash, what dd counted, dd's status (a pipe tells only the last program's).
      script`piece() { dd if="$1" bs=${bs} skip=$((i * ${perBlock})) count=${perBlock} 2>&3; echo "S $?" >&3; }`,
      script`case $(dd if=/dev/null of=/dev/null 2>&1) in`,
      script`*bytes*) block() { { piece "$1" | hash; } 3>&1; } ;;`,
      // Some dd of busybox count only whole and broken pieces: then the bytes are counted beside.
      script`*) block() {`,
      script`  { { piece "$1" | tee /dev/fd/4 | hash >&3; } 4>&1 | { n=$(wc -c); echo "$((n)) bytes"; }; } 3>&1`,
      script`} ;; esac`,
      script`h() {`,
      script`  i=0; while [ $i -lt $2 ]; do block "$1" </dev/null; echo "B $?"; i=$((i + 1)); done; echo F`,
      script`}`,
    ]),
    input,
    async *parse(stdout, end) {
      let file = 0
      let block = 0
      let ended = false
      let said: string[] = []
      for await (const lines of textLines(stdout)) {
        for (const line of lines) {
          if (line === endLine) ended = true
          else if (line === 'F') {
            file += 1
            block = 0
          } else if (line.startsWith('B ')) {
            const hash = said.map(text => /^[0-9a-f]{64}(?= )/.exec(text)?.[0]).find(Boolean)
            const copied = said.map(text => /^(\d+) bytes?\b/.exec(text)?.[1]).find(Boolean)
            const failed = line !== 'B 0' || !said.includes('S 0')
            if (failed || hash === undefined || copied === undefined) {
              throw unreadable(files[file]?.path ?? '', said.filter(isComplaint).join('; '))
            }
            yield { file, block, sha256: hash, lengthBytes: Number(copied) }
            block += 1
            said = []
          } else said.push(line)
        }
      }
      const exit = await end()
      if (!ended || exit.code !== 0 || file !== files.length) throw cutShort('hashing', exit)
    },
  })
}

/** A call of `b` with a batch as its arguments. */
function joinWords(words: readonly Buffer[]): Buffer {
  const space = Buffer.from(' ')
  return Buffer.concat([
    Buffer.from('b'),
    ...words.flatMap(word => [space, word]),
    Buffer.from('\n'),
  ])
}

function isComplaint(line: string): boolean {
  return !/^(S \d+|\d+\+\d+ records (in|out)|[0-9a-f]{64} .*|\d+ bytes? .*)$/.test(line)
}

/** The sha256 of a whole file. */
export interface FileHash {
  /** Place in the request. */
  readonly file: number
  /** 64 hex digits; undefined when it is absent or no regular file (a symlink is not followed). */
  readonly sha256: string | undefined
}

/** Files that one process hashes, and bytes of their names: both within what a host takes as arguments. */
const batchFiles = 200
const batchBytes = 32 * 1024

function* batchesOf(paths: readonly (string | Uint8Array)[]): Generator<readonly Buffer[]> {
  let batch: Buffer[] = []
  let bytes = 0
  for (const path of paths) {
    const quoted = quotePath(path)
    if (batch.length >= batchFiles || (batch.length > 0 && bytes + quoted.length > batchBytes)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(quoted)
    bytes += quoted.length
  }
  if (batch.length > 0) yield batch
}

/**
 * The sha256 of whole files, in order, computed on the host: many by one process; one by one where
 * some of them are not there, not regular, or not all hashed. @throws file.unreadable naming the file
 */
export function hashFiles(options: {
  readonly paths: readonly (string | Uint8Array)[]
}): Scan<FileHash> {
  const { paths } = options
  function* input(): Generator<Uint8Array> {
    for (const batch of batchesOf(paths)) yield joinWords(batch)
    yield endMark
  }
  return makeScan<FileHash>('hashFiles', options, {
    script: joinLines([
      hashFunction,
      script`h() {`,
      script`  if [ -f "$1" ] && [ ! -L "$1" ]; then hash <"$1" || echo "X"; else echo "-"; fi`,
      script`}`,
      // A name may hold a newline, and what looks like a hash behind it: then there are more lines.
      script`b() {`,
      script`  all=yes; for f; do { [ -f "$f" ] && [ ! -L "$f" ]; } || all=; done`,
      script`  if [ -n "$all" ] && out=$(hash "$@" 2>/dev/null </dev/null) &&`,
      script`    [ "$(printf '%s\n' "$out" | wc -l)" -eq $# ]; then printf '%s\n' "$out"`,
      script`  else for f; do h "$f"; done; fi`,
      script`}`,
    ]),
    input,
    async *parse(stdout, end) {
      let file = 0
      let ended = false
      let failed: string | Uint8Array | undefined
      for await (const lines of textLines(stdout)) {
        for (const line of lines) {
          // coreutils begin a line with a backslash where they had to escape the name.
          const [, hash] = /^\\?([0-9a-f]{64})(?= )/.exec(line) ?? []
          if (line === endLine) ended = true
          else if (hash !== undefined) yield { file: file++, sha256: hash }
          else if (line === '-') yield { file: file++, sha256: undefined }
          else failed ??= paths[file++]
        }
      }
      const exit = await end()
      if (failed !== undefined) throw unreadable(failed, lastWords(exit.stderr))
      if (!ended || exit.code !== 0 || file !== paths.length) throw cutShort('hashing', exit)
    },
  })
}
