import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { output } from '../../src/connection/probes.ts'
import { type SshdHosts, startSshd } from '../servers/sshd.ts'
import { type ControllerHome, controllerHome } from './scene.ts'
import { bytesOf, errorOf } from './support.ts'

/** A user with a login shell of its own, and login files that print, read and change settings. */
interface Account {
  readonly user: string
  readonly shell: string
  readonly files: Readonly<Record<string, string>>
}

const accounts: readonly Account[] = [
  {
    user: 'bkp-csh-test',
    shell: '/usr/bin/tcsh',
    files: {
      '.cshrc': 'echo welcome to csh\nset noclobber\nsetenv LC_ALL tr_TR.UTF-8\n',
      '.login': 'echo and to its login\n',
    },
  },
  {
    user: 'bkp-fish-test',
    shell: '/usr/bin/fish',
    files: {
      '.config/fish/config.fish': 'echo welcome to fish\nset -gx LC_ALL zh_CN.UTF-8\numask 077\n',
    },
  },
  {
    user: 'bkp-bash-test',
    shell: '/bin/bash',
    files: { '.bashrc': 'echo welcome to bash; export CDPATH=/; set -o noclobber\n' },
  },
]

let home: ControllerHome
let servers: SshdHosts

beforeAll(async () => {
  home = controllerHome()
  servers = await startSshd({
    names: ['shells'],
    // What a host of another language sets for everyone.
    config: ['LogLevel QUIET', 'SetEnv LANG=tr_TR.UTF-8 LANGUAGE=zh_CN:tr LC_MESSAGES=zh_CN.UTF-8'],
  })
  for (const { user, shell, files } of accounts) {
    const folder = join(servers.folder, user)
    try {
      execFileSync('useradd', ['-M', '-d', folder, '-s', shell, user], { stdio: 'pipe' })
    } catch (error) {
      // A test that was killed has left it, with another home.
      if (!String(error).includes('already exists')) throw error
      execFileSync('usermod', ['-d', folder, '-s', shell, user])
    }
    // An account without a password is locked for sshd, unless it says so in another way.
    execFileSync('usermod', ['-p', '*', user])
    for (const [name, text] of Object.entries(files)) {
      const file = join(folder, name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
    execFileSync('chown', ['-R', user, folder])
  }
})
afterEach(() => home.settle())
afterAll(async () => {
  await servers.stop()
  for (const { user } of accounts) execFileSync('userdel', ['-f', user], { stdio: 'ignore' })
  home.remove()
})

const hostOf = (user: string) => home.pool([{ ...servers.address('shells'), user }]).host('shells')

describe.each(accounts)('a host whose login shell is $shell', ({ user }) => {
  it('answers probes, runs commands, streams and takes files', async () => {
    const host = hostOf(user)
    const { a } = await host.ask({ a: output('id', '-un') }, quietIo)
    expect(a.stdout).toBe(`${user}\n`)
    const words = ['printf', '%s\\n', `it's`, '$HOME', 'a\nb', '`id`', '*', '!x', '{a,b}']
    const { stdout } = await host.run({ argv: words }, quietIo)
    expect(Buffer.from(stdout).toString()).toBe(`it's\n$HOME\na\nb\n\`id\`\n*\n!x\n{a,b}\n`)
    const stream = host.stream({ argv: ['cat'], stdin: Buffer.from('through') }, quietIo)
    expect((await bytesOf(stream.stdout)).toString()).toBe('through')
    const file = join(servers.folder, user, 'written')
    const bytes = (async function* () {
      yield Buffer.from('kept')
    })()
    await host.write(file, bytes, { mode: '0640' }, quietIo)
    expect((await bytesOf(host.read(file, quietIo))).toString()).toBe('kept')
    const { mode } = await host.ask({ mode: output('stat', '-c', '%a', file) }, quietIo)
    expect(mode.stdout).toBe('640\n')
  })

  it('speaks English, whatever language it is set to', async () => {
    const host = hostOf(user)
    const { code, stderr } = await host.run({ argv: ['ls', '/nope'] }, quietIo)
    expect([code, Buffer.from(stderr).toString()]).toEqual([
      2,
      `ls: cannot access '/nope': No such file or directory\n`,
    ])
    const { language } = await host.ask(
      { language: output('sh', '-c', `echo "$LC_ALL/\${LANGUAGE-none}/$(umask)/$TZ"`) },
      quietIo,
    )
    expect(language.stdout).toBe('C/none/0022/UTC\n')
  })
})

describe('a user without a shell', () => {
  it('is told of as that', async () => {
    const user = accounts[0]?.user ?? ''
    execFileSync('usermod', ['-s', '/usr/sbin/nologin', user])
    const error = await errorOf(hostOf(user).ask({ a: output('id') }, quietIo))
    expect([error.code, error.message, error.hint]).toEqual([
      'ssh.unreachable',
      'shells starts no /bin/sh: its login shell ended with status 1',
      'see the shell of that user (getent passwd), and what its login files do',
    ])
  })
})
