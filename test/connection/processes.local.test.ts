import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { heldLocks, listeningPorts, processes } from '../../src/connection/probes.ts'
import { shellHost, temporaryFolder } from './support.ts'

const here = shellHost()
const { host } = here
const ends: (() => unknown)[] = [() => here.close()]
afterAll(async () => {
  for (const end of ends) await end()
})

it('names processes by a word of their command lines, with folder, program and parent', async () => {
  const folder = await temporaryFolder()
  ends.unshift(() => folder.remove())
  const word = `bkp-probe-${process.pid}`
  const odd = `two words\nand a line of ${word}`
  const child = spawn('sleep', ['60', odd].slice(0, 1), { cwd: folder.path, argv0: odd })
  ends.unshift(() => child.kill('SIGKILL'))
  await new Promise(resolve => child.once('spawn', resolve))
  const { found } = await host.ask({ found: processes(word) }, quietIo)
  const own = found.find(({ pid }) => pid === child.pid)
  expect(own).toMatchObject({
    argv: [odd.replace('\n', ' '), '60'],
    cwd: folder.path,
    exe: expect.stringMatching(/\/(sleep|coreutils|busybox)$/),
    parent: { pid: process.pid },
    startTicks: expect.stringMatching(/^\d+$/),
  })
  const { none } = await host.ask({ none: processes(`${word}-none`) }, quietIo)
  expect(none.filter(({ argv }) => argv[0] === odd)).toEqual([])
})

it('names the ports that something listens on, and their addresses', async () => {
  for (const address of ['127.0.0.3', '::1']) {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, address, resolve))
    ends.unshift(() => new Promise(resolve => server.close(resolve)))
    const bound = server.address()
    const port = bound === null || typeof bound === 'string' ? 0 : bound.port
    const { ports } = await host.ask({ ports: listeningPorts() }, quietIo)
    expect(ports).toContainEqual({ address, port })
  }
})

it('names the locks that are held, and by whom', async () => {
  const folder = await temporaryFolder()
  ends.unshift(() => folder.remove())
  const paths = ['1', '2'].map(space => join(folder.path, 'a [b]', space, 'LOCK'))
  for (const path of paths) {
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, '')
  }
  const text = `use Fcntl qw(F_SETLK F_WRLCK); open(my $f, '>>', $ARGV[0]) or die;
    my $what = pack('s s x4 q q i x4', F_WRLCK, 0, 0, 0, 0); fcntl($f, F_SETLK, $what) or die;
    $| = 1; print "locked\\n"; sleep 60`
  const child = spawn('perl', ['-e', text, paths[0] ?? ''])
  ends.unshift(() => child.kill('SIGKILL'))
  await new Promise(resolve => child.stdout.once('data', resolve))
  const globs = [`${folder.path}/a ?b?/*/LOCK`, `${folder.path}/none/*/LOCK`]
  const { locks } = await host.ask({ locks: heldLocks(globs) }, quietIo)
  expect(locks).toEqual([{ path: paths[0], pid: child.pid }])
})
