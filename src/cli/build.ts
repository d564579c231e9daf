import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type OutputFile, type Plugin } from 'esbuild'

/**
 * `npm run build`: puts `src` and the packages it needs into few files. A start loads ten of them
 * instead of the several hundred small ones they come from; what is imported late stays a file of
 * its own, that nobody else loads. Types are checked by `npm run check`.
 *
 *   tsx src/cli/build.ts [FOLDER]
 *
 * FOLDER is `dist` without. It must lie beside `package.json` and `schemas`: they are looked up from
 * there.
 */
const root = fileURLToPath(new URL('../../', import.meta.url))

/** The part of ssh2 that is compiled where it is installed: it cannot be put into a file of ours. */
const nativeCiphers = 'ssh2/lib/protocol/crypto/build/Release/sshcrypto.node'

const natives: Plugin = {
  name: 'natives',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\.node$/ }, ({ path }) => {
      if (!nativeCiphers.endsWith(path.replace(/^\.\//, ''))) {
        return { errors: [{ text: `${path} would not be found from where the build puts it` }] }
      }
      return { external: true, path: nativeCiphers }
    })
  },
}

/** What ali-oss would send with: it is given a transport of ours, and brings packages that are not there. */
const noUrllib: Plugin = {
  name: 'no-urllib',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^urllib$/ }, ({ path }) => ({ path, namespace: 'unused' }))
    onLoad({ filter: /^urllib$/, namespace: 'unused' }, () => ({ contents: 'module.exports = {}' }))
  },
}

/** What packages written for `require` find around them; ES modules do not have it. */
const commonJs = [
  "import { createRequire as bkpCreateRequire } from 'node:module'",
  'const require = bkpCreateRequire(import.meta.url)',
  'const __dirname = import.meta.dirname',
].join('\n')

async function bundle(folder: string): Promise<readonly OutputFile[]> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    // The thread's program lies beside the code that starts it, which is loaded late.
    entryPoints: {
      'cli/main': 'src/cli/main.ts',
      'cli/demo': 'src/cli/demo.ts',
      'late/thread': 'src/repository/workers/thread.ts',
    },
    chunkNames: 'late/[name]-[hash]',
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // Of a CommonJS package that is imported late, only the default export would be there.
    mainFields: ['module', 'main'],
    // webhdfs brings sloppy CommonJS that no ES module can hold: it is loaded as it is installed.
    external: ['cpu-features', 'webhdfs'],
    plugins: [natives, noUrllib],
    banner: { js: commonJs },
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: true,
    logLevel: 'warning',
    metafile: true,
    write: false,
  })
  for (const { entryPoint } of Object.values(metafile.outputs)) {
    if (entryPoint === undefined || metafile.inputs[entryPoint]?.format !== 'cjs') continue
    throw new Error(`${entryPoint} is imported late and is CommonJS: its names would be missing`)
  }
  return outputFiles
}

/** Files that are as they should be are left alone: a bkp that runs goes on with them. */
function write({ path, contents }: OutputFile): void {
  try {
    if (readFileSync(path).equals(contents)) return
  } catch {
    mkdirSync(dirname(path), { recursive: true })
  }
  writeFileSync(path, contents)
}

const folder = resolve(process.argv[2] ?? join(root, 'dist'))
const files = await bundle(folder)
for (const file of files) write(file)
const written = new Set(files.map(({ path }) => path))
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name)
  if (!entry.isDirectory() && !written.has(path)) rmSync(path)
}
