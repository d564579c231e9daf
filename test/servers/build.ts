import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Builds `dist`: what is started as a process must be what is in `src` now. */
export function setup(): void {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`)
}
