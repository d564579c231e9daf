import type { Probe } from '../contract.ts'
import { joinLines, quoteGlob, quotePath, quoteWord, script } from '../quote.ts'
import { makeProbe } from './internals.ts'
import { lastWords, unreadable } from './replies.ts'

/** A path that a glob matched. */
export interface SelectedPath {
  /** Place of the glob in the question. */
  readonly pattern: number
  readonly path: string
  readonly kind: 'file' | 'directory' | 'symlink' | 'other'
}

/** Paths in bytes: half a million of them. */
const pathsLimitBytes = 64 * 1024 * 1024

const letters: Readonly<Record<string, SelectedPath['kind']>> = {
  f: 'file',
  d: 'directory',
  l: 'symlink',
}

/** What globs (`* ? [ ]`) match on the host, glob by glob, each in the order of the shell. */
export function selectPaths(patterns: readonly string[]): Probe<readonly SelectedPath[]> {
  return makeProbe(
    'selectPaths',
    { patterns },
    {
      script: joinLines([
        script`one() {`,
        script`  if [ -L "$2" ]; then k=l; elif [ -d "$2" ]; then k=d; elif [ -f "$2" ]; then k=f; elif [ -e "$2" ]; then k=o; else return; fi`,
        script`  printf '%s\\0%s\\0%s\\0' "$1" $k "$2"`,
        script`}`,
        ...patterns.map(
          (pattern, index) => script`for p in ${quoteGlob(pattern)}; do one ${index} "$p"; done`,
        ),
        script`exit 0`,
      ]),
      limitBytes: pathsLimitBytes,
      parse: ({ stdout }) => {
        const fields = stdout.toString().split('\0')
        return Array.from({ length: Math.floor(fields.length / 3) }, (_, index) => {
          const [pattern, letter = '', path = ''] = fields.slice(3 * index, 3 * index + 3)
          return { pattern: Number(pattern), path, kind: letters[letter] ?? 'other' }
        })
      },
    },
  )
}

/** A name that `find -path` takes for nothing but itself. */
function plainPattern(name: string): Buffer {
  return quoteWord(`./${name.replace(/[[\]*?\\]/g, '\\$&')}`)
}

/**
 * Names of everything at and below some names of a folder, but for those excluded and what lies below
 * them. Sockets are left out: no archive holds one. @throws file.unreadable where the list is not whole
 */
export function treeNames(question: {
  readonly root: string
  readonly names: readonly string[]
  readonly exclude: readonly string[]
}): Probe<readonly string[]> {
  const { root, names, exclude } = question
  const starts = Buffer.concat(names.flatMap(name => [Buffer.from(' '), quoteWord(`./${name}`)]))
  const excluded = exclude.map(name => script`-path ${plainPattern(name)} -prune -o `)
  return makeProbe(
    'treeNames',
    { ...question },
    {
      script: joinLines([
        script`cd ${quotePath(root)} || exit 1`,
        script`find${starts} ${Buffer.concat(excluded)}! -type s -print0`,
      ]),
      limitBytes: pathsLimitBytes,
      parse: reply => {
        if (reply.code !== 0 || reply.truncated) {
          throw unreadable(
            root,
            reply.truncated ? 'it holds too many files' : lastWords(reply.stderr),
          )
        }
        return reply.stdout
          .toString()
          .split('\0')
          .filter(name => name !== '')
          .map(name => name.replace(/^\.\//, ''))
      },
    },
  )
}
