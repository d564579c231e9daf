import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { moveScript } from '../../../src/repository/restore/move-script.ts'
import { moveArguments, swapRecordTail } from '../../../src/repository/restore/records.ts'
import { type StagingPaths, stagingPaths } from '../../../src/repository/restore/staging.ts'
import { type Snapshot, snapshot } from './tree.ts'

const work = mkdtempSync(join(tmpdir(), 'bkp-move-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** Stand-ins for the commands that change something: the n-th call kills or fails. */
function makeShims(): string {
  const folder = join(work, 'shims')
  mkdirSync(folder)
  for (const name of ['mv', 'sync', 'rm', 'rmdir', 'mkdir', 'chmod', 'chown']) {
    const real = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
    // Real syncs would make this slow, and what they keep cannot be seen here.
    const act = name === 'sync' ? ':' : `${real} "$@"`
    // As few processes as can be: thousands of these are run.
    const script = `#!/bin/sh
read -r count <"$SHIM_COUNT"
count=$((count + 1))
echo $count >"$SHIM_COUNT"
if [ $count -eq "$SHIM_AT" ]
then
  case $SHIM_HOW in
    kill-before) kill -9 $PPID; exit 1 ;;
    kill-after) ${act}; kill -9 $PPID; exit 1 ;;
    fail) exit 1 ;;
  esac
fi
${name === 'sync' ? '' : 'exec '}${act}
`
    writeFileSync(join(folder, name), script)
    chmodSync(join(folder, name), 0o755)
  }
  return folder
}

const shims = makeShims()
const count = join(work, 'count')
const shells: readonly (readonly string[])[] = [
  ['dash'],
  ['busybox', 'sh'],
  ['bash', '--norc'],
].filter(([command]) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0)

type How = 'fail' | 'kill-after' | 'kill-before'

interface Fault {
  readonly at: number
  readonly how: How | 'none'
}

/** Runs an operation to its end or to the fault; says how many commands it got to. */
function move(
  operation: string,
  paths: StagingPaths,
  fault: Fault = { at: 0, how: 'none' },
  shell: readonly string[] = ['sh'],
): { readonly done: boolean; readonly calls: number; readonly stderr: string } {
  writeFileSync(count, '0\n')
  const tail = swapRecordTail({
    stage: 'run1-00000000',
    target: paths.target,
    old: paths.old,
    run: 'run1',
    keep_until: '2026-01-01T00:00:00.000Z',
  })
  const [command = 'sh', ...words] = shell
  const result = spawnSync(
    command,
    [...words, '-c', moveScript, 'bkp-restore', operation, ...moveArguments(paths, tail)],
    {
      encoding: 'utf8',
      env: {
        PATH: `${shims}:${process.env['PATH']}`,
        SHIM_COUNT: count,
        SHIM_AT: String(fault.at),
        SHIM_HOW: fault.how,
      },
    },
  )
  return {
    done: result.status === 0,
    calls: Number(readFileSync(count, 'utf8')),
    stderr: result.stderr,
  }
}

type Kind = 'folder' | 'nothing before' | 'mount point' | 'file'
const kinds: readonly Kind[] = ['folder', 'nothing before', 'mount point', 'file']

interface Scene {
  readonly paths: StagingPaths
  readonly oldTree: Snapshot | undefined
  readonly newTree: Snapshot
}

let scenes = 0

/** A live and a staged tree, as stage leaves them. */
function makeScene(kind: Kind): Scene {
  scenes += 1
  const parent = join(work, `scene ${scenes}`)
  const target = join(parent, 'the "data"\n$x')
  const paths = stagingPaths('run1-00000000', target, kind === 'mount point' ? 'children' : 'whole')
  mkdirSync(parent)
  if (kind !== 'nothing before') makeTree(target, kind, 'old')
  mkdirSync(paths.holder, { mode: 0o700, recursive: true })
  makeTree(paths.staged, kind, 'new')
  writeFileSync(paths.stageRecord, '{}\n')
  return {
    paths,
    oldTree: kind === 'nothing before' ? undefined : live(paths),
    newTree: seen(paths.staged, kind),
  }
}

function makeTree(folder: string, kind: Kind, content: string): void {
  if (kind === 'file') {
    writeFileSync(folder, content)
    return
  }
  mkdirSync(join(folder, 'sub'), { recursive: true })
  writeFileSync(join(folder, 'both'), content)
  writeFileSync(join(folder, `-only ${content}`), content)
  writeFileSync(join(folder, '.hidden'), content)
  writeFileSync(join(folder, '..dots'), content)
  writeFileSync(join(folder, 'sub', 'file\n'), content)
  chmodSync(folder, content === 'old' ? 0o755 : 0o711)
}

/** A mount point's own mtime is not restored: making the holder in it changes it. */
function seen(path: string, kind: Kind): Snapshot {
  const lines = { ...snapshot(path, { rootTime: kind !== 'mount point' }) }
  for (const key of Object.keys(lines)) if (key.startsWith('/.bkp-')) delete lines[key]
  return lines
}

function live(paths: StagingPaths): Snapshot | undefined {
  return existsSync(paths.target)
    ? seen(paths.target, paths.layout === 'children' ? 'mount point' : 'folder')
    : undefined
}

function stateOf(paths: StagingPaths): string {
  return existsSync(paths.swapRecord)
    ? (JSON.parse(readFileSync(paths.swapRecord, 'utf8')) as { state: string }).state
    : 'staged'
}

/** Both trees are there, entry for entry, wherever a kill left them. */
function expectBothWhole({ paths, oldTree, newTree }: Scene): void {
  const parts = (...places: string[]): Snapshot =>
    Object.assign(
      Object.create(null),
      ...places.filter(existsSync).map(place => {
        const lines = { ...seen(place, 'mount point') }
        delete lines['']
        return lines
      }),
    )
  const without = (tree: Snapshot | undefined): Snapshot => {
    const lines = Object.assign(Object.create(null), tree)
    delete lines['']
    return lines
  }
  if (paths.layout === 'children') {
    const state = stateOf(paths)
    const newIsWhole = ['staged', 'reverted', 'moving-old', 'returning-old'].includes(state)
    if (newIsWhole) {
      expect(parts(paths.staged)).toEqual(without(newTree))
      expect(parts(paths.target, paths.old)).toEqual(without(oldTree))
    } else {
      expect(parts(paths.old)).toEqual(without(oldTree))
      expect(parts(paths.target, paths.staged)).toEqual(without(newTree))
    }
    return
  }
  const places = [paths.target, paths.staged, paths.old]
    .filter(existsSync)
    .map(place => seen(place, 'folder'))
  expect(places).toContainEqual(newTree)
  if (oldTree !== undefined) expect(places).toContainEqual(oldTree)
  expect(places).toHaveLength(oldTree === undefined ? 1 : 2)
}

function expectSwapped({ paths, newTree }: Scene): void {
  expect(live(paths)).toEqual(newTree)
  expect(stateOf(paths)).toBe('swapped')
}

function expectReverted({ paths, oldTree, newTree }: Scene): void {
  expect(live(paths)).toEqual(oldTree)
  expect(seen(paths.staged, paths.layout === 'children' ? 'mount point' : 'folder')).toEqual(
    newTree,
  )
}

/** Swaps, puts back and discards of every kind of target, under every shell that is here. */
export function moveCases(): void {
  describe.each(kinds)('the move script, %s', kind => {
    it.each(shells)('swaps and puts back under %s', (...shell) => {
      const scene = makeScene(kind)
      expect(move('swap', scene.paths, undefined, shell)).toMatchObject({ done: true, stderr: '' })
      expectSwapped(scene)
      expect(move('swap', scene.paths, undefined, shell)).toMatchObject({ done: true, stderr: '' })
      expectSwapped(scene)
      expect(move('unswap', scene.paths, undefined, shell)).toMatchObject({
        done: true,
        stderr: '',
      })
      expectReverted(scene)
      expect(move('unswap', scene.paths, undefined, shell)).toMatchObject({
        done: true,
        stderr: '',
      })
      expect(move('swap', scene.paths, undefined, shell)).toMatchObject({ done: true, stderr: '' })
      expectSwapped(scene)
      expect(move('discard-all', scene.paths, undefined, shell)).toMatchObject({ done: true })
      expect(existsSync(scene.paths.holder)).toBe(false)
      expect(live(scene.paths)).toEqual(scene.newTree)
    })
  })
}

/** The same, killed or failed at each of its commands. */
export function moveFaultCases(hows: readonly How[]): void {
  describe.each(kinds)('the move script, %s', kind => {
    for (const how of hows) {
      it(`${how} at each step of a swap: both trees stay whole, both ways out work`, () => {
        for (let at = 1; ; at += 1) {
          const scene = makeScene(kind)
          const first = move('swap', scene.paths, { at, how })
          if (first.calls < at) {
            expect(first).toMatchObject({ done: true, stderr: '' })
            expect(at).toBeGreaterThan(8)
            break
          }
          expectBothWhole(scene)
          expect(move('unswap', scene.paths)).toMatchObject({ done: true, stderr: '' })
          expectReverted(scene)
          const again = makeScene(kind)
          move('swap', again.paths, { at, how })
          expect(move('swap', again.paths)).toMatchObject({ done: true, stderr: '' })
          expectSwapped(again)
        }
      })

      it(`${how} at each step of putting back: both trees stay whole, both ways out work`, () => {
        for (let at = 1; ; at += 1) {
          const scene = makeScene(kind)
          move('swap', scene.paths)
          const first = move('unswap', scene.paths, { at, how })
          if (first.calls < at) {
            expect(first).toMatchObject({ done: true, stderr: '' })
            break
          }
          expectBothWhole(scene)
          expect(move('unswap', scene.paths)).toMatchObject({ done: true, stderr: '' })
          expectReverted(scene)
          const again = makeScene(kind)
          move('swap', again.paths)
          move('unswap', again.paths, { at, how })
          expect(move('swap', again.paths)).toMatchObject({ done: true, stderr: '' })
          expectSwapped(again)
        }
      })

      it(`${how} at each step of a discard: the live tree stays, a second one ends it`, () => {
        for (let at = 1; ; at += 1) {
          const scene = makeScene(kind)
          move('swap', scene.paths)
          const first = move('discard-old', scene.paths, { at, how })
          expect(live(scene.paths)).toEqual(scene.newTree)
          if (first.calls < at) {
            expect(first).toMatchObject({ done: true, stderr: '' })
            expect(existsSync(scene.paths.holder)).toBe(false)
            break
          }
          expect(move('discard-old', scene.paths)).toMatchObject({ done: true, stderr: '' })
          expect(existsSync(scene.paths.holder)).toBe(false)
          expect(live(scene.paths)).toEqual(scene.newTree)
        }
      })
    }
  })
}
