import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { explain, type Outcome, playbooks } from '../slice/bkp.ts'
import { type Listing, listing, runHere } from '../slice/listing.ts'
import { type BackedUpScene, type Points, sceneWithBackup } from './backup-kills.ts'
import { hosts, type Scene } from './scene.ts'

/** A scene whose trees differ from its one backup. */
export interface RestoreScene extends BackedUpScene {
  /** The trees as they are before the restore. */
  readonly before: ReadonlyMap<string, Listing>
}

export async function restoreScene(): Promise<RestoreScene> {
  const scene = await sceneWithBackup()
  return Object.freeze({ ...scene, before: listTrees(scene) })
}

function listTrees(scene: Scene): ReadonlyMap<string, Listing> {
  return new Map(hosts.map(host => [host, scene.listTree(host)]))
}

/**
 * Kills a restore at the points of one kind, for n = 1, 1 + stride, ..., until one is not reached; returns how
 * many were seen to be there.
 */
export async function killRestores(
  scene: RestoreScene,
  points: Points,
  stride = 1,
): Promise<number> {
  for (let n = 1; ; n += stride) {
    scene.load('start')
    const outcome = scene.run(restoreWords(scene), { env: { BKP_FAILPOINT: points(n) } })
    if (finishedUnkilled(scene, outcome)) return n - stride
    await expectRecovery(scene, points(n))
  }
}

/** What is killed when the n-th command on a host comes: bkp alone, or the host's shell with it. */
export type Victim = 'bkp' | 'bkp and host'

/**
 * Kills a restore at the n-th command that changes something on a host, for n = 1, 1 + stride, ...
 * Returns how many such commands there are.
 */
export async function killRestoresOnHosts(
  scene: RestoreScene,
  victim: Victim,
  stride = 1,
): Promise<number> {
  const shims = makeShims(scene)
  for (let n = 1; ; n += stride) {
    scene.load('start')
    const counter = join(scene.folder, 'calls')
    writeFileSync(counter, '')
    const pidFile = join(scene.folder, 'pid')
    const outcome = scene.run(restoreWords(scene), {
      env: {
        PATH: `${shims}:${process.env['PATH']}`,
        SHIM_CALLS: counter,
        SHIM_AT: String(n),
        SHIM_PID: pidFile,
        SHIM_VICTIM: victim,
      },
      under: ['sh', '-c', 'echo $$ >"$SHIM_PID"; exec "$@"', 'sh'],
    })
    waitForChildren(counter)
    if (finishedUnkilled(scene, outcome)) {
      const calls = readFileSync(counter, 'utf8').length
      expect(calls, 'a call that should have killed did not').toBeLessThan(n)
      return calls
    }
    await expectRecovery(scene, `call ${n}, killing ${victim}`)
  }
}

function restoreWords(scene: Scene): readonly string[] {
  return ['run', playbooks.restore, '-i', scene.inventory, '--confirm=tree']
}

function finishedUnkilled(scene: RestoreScene, outcome: Outcome): boolean {
  if (outcome.signal !== null) {
    expect(outcome.signal).toBe('SIGKILL')
    return false
  }
  expect(outcome.status, explain(outcome)).toBe(0)
  for (const host of hosts) expect(scene.listTree(host)).toEqual(scene.backedUp.get(host))
  return true
}

/** Old or new tree whole on each host; and the same restore, run again, brings the new one. */
async function expectRecovery(scene: RestoreScene, point: string): Promise<void> {
  for (const host of hosts) {
    const whole = treesOf(scene, host)
    const [old, restored] = [scene.before.get(host), scene.backedUp.get(host)]
    const live = whole.get('tree')
    if (live === undefined) {
      // Between two renames: the old tree and the new one wait beside the place.
      expect([...whole.values()], `${host} at ${point}`).toContainEqual(old)
      expect([...whole.values()], `${host} at ${point}`).toContainEqual(restored)
    } else {
      expect([old, restored], `${host} at ${point}`).toContainEqual(live)
    }
  }
  const again = await scene.runInProcess(restoreWords(scene))
  expect(again.status, `${point}\n${again.stdout}${again.stderr}`).toBe(0)
  for (const host of hosts) {
    expect(scene.listTree(host), `${host} after ${point}`).toEqual(scene.backedUp.get(host))
  }
}

/** The live tree, and what lies in the folders of stages beside it. */
function treesOf(scene: Scene, host: string): ReadonlyMap<string, Listing> {
  const parent = scene.parent(host)
  const found = new Map<string, Listing>()
  for (const name of readdirSync(parent)) {
    if (name === 'tree') found.set(name, listing(runHere, join(parent, name)))
    for (const part of ['old', 'new']) {
      const place = join(parent, name, part)
      if (name.startsWith('.bkp-') && existsSync(place)) {
        found.set(`${name}/${part}`, listing(runHere, place))
      }
    }
  }
  return found
}

/** Stand-ins for the commands that change something: each counts, and the n-th one kills. */
function makeShims(scene: Scene): string {
  const folder = join(scene.folder, 'shims')
  mkdirSync(folder, { recursive: true })
  for (const name of [
    'mv',
    'sync',
    'rm',
    'rmdir',
    'mkdir',
    'chmod',
    'chown',
    'cp',
    'ln',
    'tar',
    'touch',
  ]) {
    const real = runHere(`command -v ${name}`).trim()
    // One byte a call, counted under a lock: hosts work at the same time, and one call is the n-th.
    const script = `#!/bin/sh
exec 9>>"$SHIM_CALLS"
flock 9
printf . >&9
calls=$(wc -c <"$SHIM_CALLS")
exec 9>&-
if [ "$calls" -eq "$SHIM_AT" ]
then
  kill -9 "$(cat "$SHIM_PID")"
  if [ "$SHIM_VICTIM" = 'bkp and host' ]
  then kill -9 $PPID; exit 1
  fi
fi
exec ${real} "$@"
`
    writeFileSync(join(folder, name), script)
    chmodSync(join(folder, name), 0o755)
  }
  return folder
}

/** Waits until no process of the hosts is left: without bkp they go on to the end of their script. */
function waitForChildren(counter: string): void {
  runHere(`while grep -lzxF 'SHIM_CALLS=${counter}' /proc/[0-9]*/environ 2>/dev/null | grep -q .
    do read -r _ </proc/uptime
    done`)
}
