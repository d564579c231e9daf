import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Generation } from '../../../src/databases/nebula/contract.ts'

/** Projects whose tests start a NebulaGraph. */
const projects: readonly string[] = ['servers', 'faults', 'nightly']

const source = fileURLToPath(new URL('programs', import.meta.url))
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bkp', 'bin')

/** The Go module of each generation: the vendor's generated code in front of `core`. */
const modules = {
  '2.0': 'v20',
  '2.1': 'v21',
  '3.0': 'v30',
  '3.3': 'v33',
} as const satisfies Record<Generation, string>

/** Where the program of a generation is once it was built; other sources have a file of their own. */
export function nebulaProgram(generation: Generation): string {
  const hash = createHash('sha256')
  for (const folder of ['core', modules[generation]]) {
    for (const name of readdirSync(join(source, folder)).sort()) {
      hash.update(name).update(readFileSync(join(source, folder, name)))
    }
  }
  return join(cache, `nebula-${modules[generation]}-${hash.digest('hex').slice(0, 16)}`)
}

/** Builds all programs where that was not done yet. @throws Error saying what to do */
export function installNebula(project: string): void {
  if (!projects.includes(project)) return
  for (const generation of Object.keys(modules) as Generation[]) buildNebula(generation)
}

/** Builds the program of a generation where it is not there. @throws Error saying what to do */
export function buildNebula(generation: Generation): string {
  const file = nebulaProgram(generation)
  if (existsSync(file)) return file
  mkdirSync(cache, { recursive: true })
  // Beside the cache's files: what a killed build leaves behind is never taken for a program.
  const folder = mkdtempSync(join(cache, 'building-'))
  try {
    process.stderr.write(`building a NebulaGraph ${generation} stand-in once, into ${cache}\n`)
    const built = join(folder, 'nebula')
    const { status, error, stderr } = spawnSync(
      'go',
      ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', built, '.'],
      {
        cwd: join(source, modules[generation]),
        encoding: 'utf8',
        env: { ...process.env, CGO_ENABLED: '1', GOFLAGS: '-mod=readonly' },
      },
    )
    if (status !== 0) {
      throw new Error(
        `these tests start stand-ins for NebulaGraph, which are built from source: ${error?.message ?? stderr}\n` +
          'install Go 1.24 or newer (https://go.dev/dl), gcc and librocksdb-dev, with access to github.com/vesoft-inc/nebula-go',
      )
    }
    renameSync(built, file)
    return file
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
