import { fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { argv } from 'node:process'
import { Client, type ClientChannel } from 'ssh2'

/**
 * The limit of `bench/engine`: one connection and one shell a host, every step on all hosts at once, a
 * line and its sync where bkp has one; nothing else.
 */
interface Work {
  readonly hosts: readonly { readonly port: number; readonly dir: string }[]
  readonly key: string
  /** Shell text of each step; `$1` is the host's folder. */
  readonly steps: readonly string[]
  readonly syncs: number
  readonly journal: string
}

const work = JSON.parse(readFileSync(argv[2] ?? '', 'utf8')) as Work
const privateKey = readFileSync(work.key)
const mark = '--end-of-step--'

async function openShell(port: number, dir: string): Promise<(text: string) => Promise<void>> {
  const client = new Client()
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve).once('error', reject)
    client.connect({ host: '127.0.0.1', port, username: 'root', privateKey })
  })
  const shell = await new Promise<ClientChannel>((resolve, reject) => {
    client.exec('exec /bin/sh', (error, channel) => (error ? reject(error) : resolve(channel)))
  })
  shell.write(`set -- '${dir}'\n`)
  return async text => {
    const ended = new Promise<void>((resolve, reject) => {
      let output = ''
      const read = (bytes: Buffer): void => {
        output += bytes.toString()
        const end = new RegExp(`${mark} (\\d+)\n`).exec(output)
        if (end === null) return
        shell.off('data', read)
        if (end[1] === '0') resolve()
        else reject(new Error(`a step ended with ${end[1]}`))
      }
      shell.on('data', read)
    })
    shell.write(`( ${text} ) </dev/null 2>&1; printf '%s %d\\n' ${mark} $?\n`)
    await ended
  }
}

const journal = openSync(work.journal, 'a')
const shells = await Promise.all(work.hosts.map(({ port, dir }) => openShell(port, dir)))
let synced = 0
for (const [index, step] of work.steps.entries()) {
  for (; synced < (work.syncs * (index + 1)) / work.steps.length; synced += 1) {
    writeSync(journal, `${step}\n`)
    fdatasyncSync(journal)
  }
  await Promise.all(shells.map(run => run(step)))
}
process.exit(0)
