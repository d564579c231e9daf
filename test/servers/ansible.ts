import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const venv = fileURLToPath(new URL('../../.cache/venv', import.meta.url))
const pyinfraVenv = fileURLToPath(new URL('../../.cache/pyinfra', import.meta.url))

/**
 * The folder of Ansible's programs, installed with pip below .cache/ where they are not there yet.
 * @throws Error with what pip said
 */
export function installAnsible(): string {
  return installPrograms(venv, 'ansible-core==2.19.*')
}

/** The same for pyinfra, which a benchmark compares with. @throws Error with what pip said */
export function installPyinfra(): string {
  return installPrograms(pyinfraVenv, 'pyinfra==3.*')
}

/** One process at a time: test files run side by side, and a virtual environment cannot be moved into place. */
const installer = `
set -e
[ -e "$1/.installed-$2" ] && exit
python3 -c 'import ensurepip' || apt-get -q install -y python3-venv >&2
python3 -m venv --clear "$1"
"$1/bin/pip" install --quiet "$2"
: > "$1/.installed-$2"`

function installPrograms(environment: string, wanted: string): string {
  mkdirSync(dirname(environment), { recursive: true })
  const words = [`${environment}.lock`, 'sh', '-c', installer, 'sh', environment, wanted]
  const { status, error, stderr } = spawnSync('flock', words, { encoding: 'utf8' })
  if (status === 0) return join(environment, 'bin')
  const hint =
    'these tests need python3 with venv and pip (apt-get install python3-venv util-linux)'
  throw new Error(`installing ${wanted}: ${error?.message ?? stderr}\n${hint}`)
}

/** Runs one of Ansible's programs, its own files kept below a folder. */
export function runAnsible(
  program: 'ansible-vault' | 'ansible-inventory',
  words: readonly string[],
  options: { readonly folder: string; readonly input?: string },
): string {
  return runInstalled(program, words, options)
}

const hostPatterns = fileURLToPath(new URL('host-patterns.py', import.meta.url))

/** The hosts that Ansible itself finds for each pattern; `error` where it refuses one. */
export function ansibleHosts(
  sources: readonly string[],
  patterns: readonly string[],
  folder: string,
): readonly (readonly string[] | 'error')[] {
  const input = JSON.stringify(patterns)
  return JSON.parse(runInstalled('python', [hostPatterns, ...sources], { folder, input }))
}

function runInstalled(
  program: string,
  words: readonly string[],
  options: { readonly folder: string; readonly input?: string },
): string {
  const path = join(installAnsible(), program)
  const { status, stdout, stderr } = spawnSync(path, words, {
    cwd: options.folder,
    input: options.input ?? '',
    encoding: 'utf8',
    env: {
      PATH: `${dirname(path)}:${process.env['PATH'] ?? ''}`,
      HOME: options.folder,
      ANSIBLE_HOME: options.folder,
      LC_ALL: 'C.UTF-8',
    },
  })
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr}`)
  return stdout
}
