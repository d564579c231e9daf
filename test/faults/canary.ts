import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type SshdHosts, startSshd } from '../servers/sshd.ts'
import { makeWorkspace, type Workspace } from '../slice/bkp.ts'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** A user that only this test knows; its password really opens the door. */
const user = 'bkp-canary'

/**
 * One secret for each way to hand one over. None is a word that stands anywhere else, and all but
 * the vault's, which ansible-vault encrypted, hold characters that somebody quotes.
 */
export const canaries = {
  login: `lg1n-Canary'"$x &<%41é`,
  env: `env-Canary'"\\n &<b>?=+/é`,
  file: 'file-Canary "quoted" $HOME `id`',
  command: "cmd-Canary it's 100% {{ no }}",
  vaultValue: 'sixteen-bytes-ok',
  vaultFile: 'file-canary-8231',
  plain: 'plain-Canary #not-a-comment',
  extra: 'extra-Canary-81',
  hidden: 'hidden-Canary-no-log-1',
} as const

/** What of the canaries may be nowhere: pieces that survive any quoting. */
const pieces = [
  'lg1n-Canary',
  'env-Canary',
  'file-Canary',
  'cmd-Canary',
  'sixteen-bytes-ok',
  'file-canary-8231',
  'plain-Canary',
  'extra-Canary-81',
  'hidden-Canary-no-log-1',
  'vault-password-Canary',
  'correct horse battery',
].flatMap(piece => [
  piece,
  Buffer.from(piece).toString('hex'),
  Buffer.from(piece).toString('base64').slice(0, -4),
])

/** The canaries' pieces in a text. */
export function leaksIn(text: string): readonly string[] {
  return pieces.filter(piece => text.includes(piece))
}

export interface CanaryScene extends Workspace {
  /** Hosts, each with its password given in another way; all are one sshd, `here` is this machine. */
  readonly hosts: readonly string[]
  write(name: string, text: string): string
  /** Runs bkp; once a step has touched `started`, looks at all processes and lets it go on. */
  runSampled(words: readonly string[]): Promise<Sampled>
  /** Canaries in the files below the state directory. */
  leaksOnDisk(): readonly string[]
  stop(): Promise<void>
}

export interface Sampled {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  readonly samples: number
  /** `file: piece: command line` of every process, but for the variables that the test gave. */
  readonly leaks: readonly string[]
}

/** An sshd whose only way in is a password, and an inventory with secrets of every kind. */
export async function makeCanaryScene(): Promise<CanaryScene> {
  const workspace = makeWorkspace()
  const { folder } = workspace
  // The hosts' user leaves there what it was given.
  chmodSync(folder, 0o777)
  addUser()
  const sshd = await startSshd({
    names: ['door'],
    config: ['PasswordAuthentication yes', 'PubkeyAuthentication no', `AllowUsers ${user}`],
  })
  const write = (name: string, text: string): string => {
    const path = join(folder, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  writeInputs(write, sshd)
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    BKP_STATE_DIR: workspace.state,
    LOGIN_CANARY: canaries.login,
    ENV_CANARY: canaries.env,
  }
  return Object.freeze({
    ...workspace,
    hosts: ['by-env', 'by-file', 'by-command', 'by-text', 'here'],
    write,
    runSampled: (words: readonly string[]) => runSampled(words, folder, environment),
    leaksOnDisk: () => leaksBelow(workspace.state),
    stop: async () => {
      await sshd.stop()
      execFileSync('userdel', ['-f', user], { stdio: 'ignore' })
      workspace.remove()
    },
  } satisfies CanaryScene)
}

function addUser(): void {
  try {
    execFileSync('useradd', ['-M', '-d', '/tmp', '-s', '/bin/sh', user], { stdio: 'pipe' })
  } catch (error) {
    // A test that was killed has left it.
    if (!String(error).includes('already exists')) throw error
  }
  execFileSync('chpasswd', [], { input: `${user}:${canaries.login}\n` })
}

function writeInputs(write: (name: string, text: string) => string, sshd: SshdHosts): void {
  const login = write('login-password', `${canaries.login}\n`)
  const file = write('file-canary', `${canaries.file}\n`)
  const command = write('command-canary', `${canaries.command}\n`)
  write('vault-password', 'correct horse battery staple\n')
  const golden = new URL('../golden/vault/', import.meta.url)
  const value = readFileSync(new URL('value-1.1.yml', golden), 'utf8').trimEnd().split('\n')
  const vaulted = value.map(line => `    ${line}`).join('\n')
  const quoted = JSON.stringify
  write(
    'inventory.yml',
    `all:
  vars:
    ansible_host: 127.0.0.1
    ansible_port: ${sshd.hosts[0]?.port}
    ansible_user: ${user}
    ansible_ssh_common_args: -o UserKnownHostsFile=${sshd.knownHostsFile}
    env_password: { env: ENV_CANARY }
    file_password: { file: ${file} }
    command_password: { command: "cat ${command}" }
    plain_password: ${quoted(canaries.plain)}
${vaulted.replace('sixteen:', 'vault_password:')}
  hosts:
    by-env: { ansible_password: { env: LOGIN_CANARY } }
    by-file: { ansible_password: { file: ${login} } }
    by-command: { ansible_password: { command: "cat ${login}" } }
    by-text: { ansible_password: ${quoted(canaries.login)} }
    here: { ansible_connection: local, ansible_password: ${quoted(canaries.login)} }
`,
  )
  write('vaulted.yml', readFileSync(new URL('file-1.1.yml', golden), 'utf8'))
}

/** Every file below a folder that has a canary. */
function leaksBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap(name => {
    const path = join(folder, name)
    if (leaksIn(name).length > 0) return [`the name ${name}`]
    if (!statSync(path).isFile()) return []
    return leaksIn(readFileSync(path, 'latin1') + readFileSync(path, 'utf8')).map(
      piece => `${name}: ${piece}`,
    )
  })
}

async function runSampled(
  words: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<Sampled> {
  for (const name of readdirSync(folder)) {
    if (/^(started|go)-/.test(name)) rmSync(join(folder, name))
  }
  const child = spawn(process.execPath, [program, ...words], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const found = new Set<string>()
  let samples = 0
  let status: number | null | undefined
  child.once('close', code => {
    status = code
  })
  while (status === undefined) {
    // Who begins to wait while we look may not have been there yet: he goes on after the next look.
    const waiting = readdirSync(folder).filter(name => name.startsWith('started-'))
    for (const leak of leaksInProcesses()) found.add(leak)
    samples += 1
    for (const name of waiting) {
      const go = join(folder, name.replace('started-', 'go-'))
      if (!existsSync(go)) writeFileSync(go, '')
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  return { status, stdout, stderr, samples, leaks: [...found] }
}

/** What any user could see of any process, and what its owner could. */
function leaksInProcesses(): readonly string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap(pid => {
      try {
        const wordsOf = () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        const words = wordsOf()
        const environ = readFileSync(`/proc/${pid}/environ`, 'utf8')
        // Between two programs a process has no words yet, and whose variables it has is not known:
        // one that keeps them is seen again, with its words.
        const isSettled = words !== '' && words === wordsOf()
        const variables = mayHaveVariables(words) || !isSettled ? '' : environ
        return [
          ...leaksIn(words).map(piece => `cmdline: ${piece}: ${words}`),
          ...leaksIn(variables).map(piece => `environ: ${piece}: ${words}`),
        ]
      } catch {
        // It ended meanwhile.
        return []
      }
    })
}

/**
 * The test itself gave the variables to bkp (which a child of bkp also is until it executes another
 * program), and commands that print secrets get all of them: they may need a token.
 */
function mayHaveVariables(words: string): boolean {
  return words.includes(program) || /cat .*(login-password|command-canary)/.test(words)
}
