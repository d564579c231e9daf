import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A server that is built from source, and the projects whose tests start it. */
interface GoProgram {
  readonly program: string
  readonly module: string
  readonly version: string
  readonly projects: readonly string[]
}

export const goPrograms = {
  versitygw: {
    program: 'versitygw',
    module: 'github.com/versity/versitygw/cmd/versitygw',
    version: 'v1.8.0',
    projects: ['servers', 'nightly'],
  },
  minio: {
    program: 'minio',
    module: 'github.com/minio/minio',
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    projects: ['nightly'],
  },
} as const satisfies Record<string, GoProgram>

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bkp', 'bin')

/** Where a program is once it was built; each version has a file of its own. */
export function goProgramFile({ program, version }: GoProgram): string {
  return join(cache, `${program}-${version}`)
}

/** Builds what the tests of a project start and is not there yet. @throws Error saying what to do */
export function installGoPrograms(project: string): void {
  for (const program of Object.values<GoProgram>(goPrograms)) {
    if (program.projects.includes(project) && !existsSync(goProgramFile(program))) build(program)
  }
}

function build(program: GoProgram): void {
  const source = `${program.module}@${program.version}`
  mkdirSync(cache, { recursive: true })
  // Beside the cache's files: what a killed build leaves behind is never taken for a program.
  const folder = mkdtempSync(join(cache, 'building-'))
  try {
    process.stderr.write(`building ${source} once, into ${cache}; this takes some minutes\n`)
    const { status, error, stderr } = spawnSync('go', ['install', source], {
      encoding: 'utf8',
      env: { ...process.env, GOBIN: folder, GOFLAGS: '-trimpath' },
    })
    if (status !== 0) {
      throw new Error(
        `these tests start ${program.program}, which is built from source: ${error?.message ?? stderr}\n` +
          `install Go 1.24 or newer (https://go.dev/dl), with access to ${program.module}, or put the program at ${goProgramFile(program)}`,
      )
    }
    renameSync(join(folder, program.program), goProgramFile(program))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
