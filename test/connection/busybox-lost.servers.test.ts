import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { lostContract } from './lost-contract.ts'

/** A host with nothing but busybox. */
const folder = mkdtempSync(join(tmpdir(), 'bkp-test-'))
const bin = join(folder, 'bin')
mkdirSync(bin)
const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim()
for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
  symlinkSync(busybox, join(bin, applet))
}
afterAll(() => rmSync(folder, { recursive: true }))

lostContract('busybox', [join(bin, 'sh')], { PATH: bin, HOME: '/' })
