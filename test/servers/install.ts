import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { TestProject } from 'vitest/node'
import { installGoPrograms } from './go-programs.ts'
import { installHdfs } from './hdfs-program.ts'
import { installNebula } from './nebula/programs.ts'

/** A program that tests start, or a file that they are built with, and the Debian package of it. */
interface Tool {
  /** A name that is looked for, or the path of a file. */
  readonly program: string
  readonly package: string
  /** Unit tests call it, too. */
  readonly unit?: true
}

/** What the servers, faults and nightly tests start. Added here, it is installed everywhere. */
const tools: readonly Tool[] = [
  { program: 'sshd', package: 'openssh-server' },
  { program: 'ssh-keygen', package: 'openssh-client', unit: true },
  { program: 'ldb', package: 'rocksdb-tools' },
  { program: 'protoc', package: 'protobuf-compiler', unit: true },
  { program: 'strace', package: 'strace' },
  { program: 'unshare', package: 'util-linux' },
  { program: 'nsenter', package: 'util-linux' },
  { program: 'script', package: 'bsdutils' },
  { program: 'ip', package: 'iproute2' },
  { program: 'busybox', package: 'busybox' },
  { program: 'javac', package: 'default-jdk-headless' },
  { program: 'mvn', package: 'maven' },
  { program: 'gcc', package: 'gcc' },
  { program: '/usr/include/rocksdb/c.h', package: 'librocksdb-dev' },
  { program: 'tcsh', package: 'tcsh' },
  { program: 'fish', package: 'fish' },
  { program: 'sudo', package: 'sudo' },
  { program: 'python3', package: 'python3', unit: true },
  { program: 'openssl', package: 'openssl', unit: true },
  { program: 'bzip2', package: 'bzip2', unit: true },
  { program: 'xz', package: 'xz-utils', unit: true },
  { program: 'zstd', package: 'zstd', unit: true },
  { program: 'zip', package: 'zip', unit: true },
  { program: 'unzip', package: 'unzip', unit: true },
]

/**
 * Installs what is missing, and fails where that cannot be done: a test that is skipped because a
 * server is not there proves nothing. vitest calls it once before a project's tests.
 * @throws Error naming what to install by hand
 */
export function setup({ name }: Pick<TestProject, 'name'>): void {
  const wanted = tools.filter(({ unit }) => name !== 'unit' || unit === true)
  const missing = missingOf(wanted)
  if (missing.length > 0) installPackages(wanted, missing)
  installGoPrograms(name)
  installHdfs(name)
  installNebula(name)
}

function installPackages(wanted: readonly Tool[], missing: readonly Tool[]): void {
  const packages = [...new Set(missing.map(tool => tool.package))]
  if (process.getuid?.() !== 0 || !isThere('apt-get')) fail(missing, packages, '')
  const failure =
    aptGet(['update']) ?? aptGet(['install', '-y', '--no-install-recommends', ...packages])
  const still = missingOf(wanted)
  if (still.length > 0) fail(still, packages, failure ?? '')
}

function missingOf(wanted: readonly Tool[]): readonly Tool[] {
  return wanted.filter(({ program }) => !isThere(program))
}

/** sbin folders are not in every user's PATH, and sshd is started by its full name anyway. */
function isThere(program: string): boolean {
  if (program.startsWith('/')) return existsSync(program)
  const path = `${process.env['PATH']}:/usr/sbin:/sbin`
  return (
    spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', program], { env: { PATH: path } }).status ===
    0
  )
}

/** What apt-get complained about, or nothing. */
function aptGet(words: readonly string[]): string | undefined {
  const { status, stderr } = spawnSync('apt-get', ['-q', ...words], {
    encoding: 'utf8',
    // A dialogue would wait for ever, and Debian starts a daemon it has just installed.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  })
  return status === 0 ? undefined : stderr
}

function fail(missing: readonly Tool[], packages: readonly string[], output: string): never {
  const programs = missing.map(tool => tool.program).join(', ')
  throw new Error(
    `these tests need ${programs}; install them: apt-get install ${packages.join(' ')}\n${output}`,
  )
}
