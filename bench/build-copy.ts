import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { timeRun } from './measure.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Builds `src`, and the sources of a benchmark that are processes of their own, into a folder where
 * nobody else builds. Gives the folder of the build: `cli/main.js` is in `dist`.
 */
export function buildCopy(
  folder: string,
  more: readonly string[] = [],
): { readonly dist: string; readonly bench: string } {
  mkdirSync(folder, { recursive: true })
  for (const part of ['package.json', 'schemas']) {
    cpSync(join(root, part), join(folder, part), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const dist = join(folder, 'dist')
  const bench = join(folder, 'bench')
  const programs = join(root, 'node_modules/.bin')
  timeRun({ argv: [join(programs, 'tsx'), 'src/cli/build.ts', dist], cwd: root })
  const emit = ['--ignoreConfig', '--noEmit', 'false', '--rootDir', 'bench', '--outDir', bench]
  const language = ['--target', 'es2023', '--module', 'nodenext', '--types', 'node', '--strict']
  const imports = ['--allowImportingTsExtensions', '--rewriteRelativeImportExtensions']
  if (more.length > 0) {
    timeRun({
      argv: [join(programs, 'tsc'), ...emit, ...language, ...imports, '--skipLibCheck', ...more],
      cwd: root,
    })
  }
  return { dist, bench }
}
