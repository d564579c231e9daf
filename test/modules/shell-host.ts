import { spawn } from 'node:child_process'
import { createReadStream, renameSync, writeFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import type { Exit, Host, Probe } from '../../src/connection/contract.ts'
import { probeParts } from '../../src/connection/probes/internals.ts'
import { commandScript, wordBytes } from '../../src/connection/quote.ts'

/** Feeds a script to a /bin/sh of its own; `stdin` is what the script's commands read. */
async function runScript(script: Buffer, stdin: Uint8Array = new Uint8Array()): Promise<Exit> {
  // By a descriptor of its own: a script may hold any bytes, and be longer than an argument.
  const child = spawn('/bin/sh', ['-c', 's=$(cat <&3); exec 3<&-; eval "$s"'], {
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  })
  const given = child.stdio[3]
  if (given instanceof Writable) given.end(script)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  // A program need not read what it is given.
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  const [code, signal] = await new Promise<[number | null, string | null]>(resolve =>
    child.on('close', (...end) => resolve(end)),
  )
  return {
    code: code ?? undefined,
    ...(signal === null ? {} : { signal }),
    stdout: Buffer.concat(stdout),
    stderr: Buffer.concat(stderr),
    truncated: false,
  }
}

async function answer<T>(probe: Probe<T>): Promise<T> {
  const { script, parse } = probeParts(probe)
  const { code, stdout, stderr } = await runScript(script)
  return parse({
    code: code ?? 255,
    stdout: Buffer.from(stdout),
    stderr: Buffer.from(stderr),
    truncated: false,
  })
}

function refuse(): never {
  throw new Error('not part of this host')
}

/** This machine with one shell a question: what modules do is then done by real programs. */
export function shellHost(): Host {
  return {
    name: 'here',
    transport: 'local',
    ask: async probes => {
      const answers: Record<string, unknown> = {}
      for (const [name, probe] of Object.entries(probes)) answers[name] = await answer(probe)
      return answers as never
    },
    run: async command => {
      const { stdin } = command
      const bytes =
        stdin instanceof Uint8Array ? stdin : Buffer.from(stdin === undefined ? '' : '?')
      return await runScript(commandScript(command), bytes)
    },
    write: async (path, bytes, { mode }) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of bytes) chunks.push(chunk)
      const temporary = `${String(path)}.tmp`
      writeFileSync(temporary, Buffer.concat(chunks), { mode: Number.parseInt(mode, 8) })
      renameSync(temporary, String(path))
    },
    scan: refuse,
    read: path => createReadStream(wordBytes(path)),
    stream: refuse,
    dial: refuse,
  }
}
