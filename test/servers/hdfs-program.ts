import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Projects whose tests start HDFS. */
const projects: readonly string[] = ['servers', 'nightly']

const source = fileURLToPath(new URL('hdfs', import.meta.url))
const files = ['pom.xml', 'Hdfs.java', 'log4j.properties'] as const

/** What a launcher and its libraries are made of: another version has a folder of its own. */
function digest(): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(join(source, file)))
  return hash.digest('hex').slice(0, 16)
}

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bkp')

/** The class path of the launcher, once it was built. */
export function hdfsClassPath(): string {
  const folder = join(cache, `hdfs-${digest()}`)
  return `${join(folder, 'classes')}:${join(folder, 'lib')}/*`
}

/** Fetches Hadoop and builds the launcher where that was not done yet. @throws Error saying what to do */
export function installHdfs(project: string): void {
  const folder = join(cache, `hdfs-${digest()}`)
  if (!projects.includes(project) || existsSync(folder)) return
  mkdirSync(cache, { recursive: true })
  // Beside the cache's folders: what a killed build leaves behind is never taken for a server.
  const building = mkdtempSync(join(cache, 'building-'))
  try {
    process.stderr.write(`fetching Hadoop once, into ${cache}; this takes half a minute\n`)
    for (const file of files) copyFileSync(join(source, file), join(building, file))
    const lib = join(building, 'lib')
    run(building, 'mvn', [
      ...['-B', '-q', 'dependency:copy-dependencies'],
      ...['-DincludeScope=runtime', `-DoutputDirectory=${lib}`],
    ])
    const classes = join(building, 'classes')
    // Hadoop looks for the folders of its web pages, and needs nothing in them.
    for (const role of ['hdfs', 'datanode']) {
      mkdirSync(join(classes, 'webapps', role), { recursive: true })
    }
    copyFileSync(join(source, 'log4j.properties'), join(classes, 'log4j.properties'))
    run(building, 'javac', ['-cp', `${lib}/*`, '-d', classes, 'Hdfs.java'])
    renameSync(building, folder)
  } finally {
    rmSync(building, { recursive: true, force: true })
  }
}

function run(folder: string, program: string, words: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync(program, words, {
    cwd: folder,
    encoding: 'utf8',
  })
  if (status === 0) return
  throw new Error(
    `these tests start HDFS, which ${program} makes ready: ${error?.message ?? `${stdout}${stderr}`}\n` +
      'install a JDK (17) and Maven, with access to its central repository, or run the tests of the other projects',
  )
}
