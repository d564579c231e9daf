import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { type Io, quietIo } from '../../src/base/io.ts'
import { Secret } from '../../src/base/secret.ts'
import {
  type Host,
  outputLimitBytes,
  type ReadOnlyHost,
  type Word,
} from '../../src/connection/contract.ts'
import { unpackTree } from '../../src/connection/host-files.ts'
import * as probes from '../../src/connection/probes.ts'

/** What a transport's test gives: a host, and an empty folder on it. */
export interface ConnectionFixture {
  readonly host: Host
  readonly readOnly: ReadOnlyHost
  /** The same host, with variables for each command. */
  withVariables(variables: Readonly<Record<string, Word>>): Host
  readonly folder: string
  dispose(): Promise<void>
}

export interface ConnectionContractOptions {
  /** Titles a transport does not hold, each with the reason; they show as skipped. */
  readonly skip?: Readonly<Record<string, string>>
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const chunk of chunks) pieces.push(chunk)
  return Buffer.concat(pieces)
}

async function* pieces(...texts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

function cancellable(): { readonly io: Io; readonly abort: (reason?: unknown) => void } {
  const controller = new AbortController()
  return { io: { ...quietIo, signal: controller.signal }, abort: r => controller.abort(r) }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof BkpError ? error.code : String(error)),
  )

/** Names that tools mistake for something else. */
const oddNames: readonly Buffer[] = [
  Buffer.from('new\nline'),
  Buffer.from([0x66, 0xff, 0xfe, 0x2e, 0x78]),
  Buffer.from(`it's "quoted" $(id) \`id\` \\ ; * ?`),
  Buffer.from('-rf'),
  Buffer.from('trailing space '),
  Buffer.from('trailing newline\n'),
  Buffer.from('n'.repeat(255)),
  Buffer.from('\u202egnp.exe'),
]

/** The promises of contract.ts, kept by every transport. */
export function connectionContract(
  name: string,
  make: () => Promise<ConnectionFixture>,
  options: ConnectionContractOptions = {},
): void {
  const test = (title: string, body: () => Promise<void>) => {
    const reason = options.skip?.[title]
    it.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (${reason})`, body)
  }

  describe(`connection: ${name}`, () => {
    let fixture: ConnectionFixture
    let host: Host
    const at = (path: string) => `${fixture.folder}/${path}`
    const sh = (script: string, io = quietIo) => host.run({ argv: ['/bin/sh', '-c', script] }, io)
    const out = async (script: string) => text((await sh(script)).stdout)

    /** What is left of a process group; a zombie waits for its parent only. */
    const survivors = (group: string) =>
      out(`ps -A -o pgid=,stat=,args= | awk '$1 == ${group} && $2 !~ /^Z/'`)

    /** Whether a process runs; a zombie does not, which waits for its parent only. */
    const runs = async (file: string): Promise<boolean> =>
      (await sh(`grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$(cat ${at(file)})/status"`))
        .code === 0

    beforeAll(async () => {
      fixture = await make()
      host = fixture.host
    })
    afterAll(async () => await fixture.dispose())

    describe('run', () => {
      test('gives status, stdout and stderr apart', async () => {
        const exit = await sh('echo out; echo err >&2; exit 3')
        expect({ ...exit, stdout: text(exit.stdout), stderr: text(exit.stderr) }).toEqual({
          code: 3,
          stdout: 'out\n',
          stderr: 'err\n',
          truncated: false,
        })
      })

      test('hands over words as they are', async () => {
        const words = [
          '',
          ' a  b ',
          `'"\`$(id)`,
          '; rm -rf /',
          '*',
          '-n',
          'a\nb',
          'x'.repeat(100_000),
        ]
        const bytes = Buffer.from([0xff, 0x80, 0x0a])
        const exit = await host.run({ argv: ['printf', '%s\\0', ...words, bytes] }, quietIo)
        expect(
          Buffer.from(exit.stdout).equals(
            Buffer.concat([Buffer.from(`${words.join('\0')}\0`), bytes, Buffer.alloc(1)]),
          ),
        ).toBe(true)
      })

      test('keeps binary output without a final newline', async () => {
        const exit = await sh(`printf '\\000\\377\\n\\000'`)
        expect([...exit.stdout]).toEqual([0, 255, 10, 0])
      })

      test('is not fooled by output that looks like its own marks', async () => {
        const look = 'bkp-00000000000000000000000000000000\n0\nE\n'
        const exit = await host.run({ argv: ['printf', '%s', look.repeat(50)] }, quietIo)
        expect(text(exit.stdout)).toBe(look.repeat(50))
        const answers = await host.ask(
          { a: probes.output('printf', '%s', look), b: probes.succeeds('false') },
          quietIo,
        )
        expect(answers).toMatchObject({ a: { stdout: look }, b: false })
      })

      test('keeps the first 1 MiB of a stream and says that there was more', async () => {
        const exit = await sh('head -c 5000000 /dev/zero; head -c 2000000 /dev/zero >&2; exit 9')
        expect([exit.stdout.length, exit.stderr.length]).toEqual([
          outputLimitBytes,
          outputLimitBytes,
        ])
        expect([exit.truncated, exit.code]).toEqual([true, 9])
        expect(await out('echo next')).toBe('next\n')
      })

      test('names the signal that ended a command', async () => {
        expect(await sh('kill -9 $$')).toMatchObject({ code: undefined, signal: 'SIGKILL' })
        expect(await sh('kill -TERM $$')).toMatchObject({ code: undefined, signal: 'SIGTERM' })
      })

      test('takes exit 255 for a status, not for a broken connection', async () => {
        expect(await sh('exit 255')).toMatchObject({ code: 255 })
      })

      test('gives 127 for a program that is not there', async () => {
        const exit = await host.run({ argv: ['no-such-program-here'] }, quietIo)
        expect(exit.code).toBe(127)
        expect(text(exit.stderr)).toContain('no-such-program-here')
      })

      test('runs in the folder and with the environment it was given', async () => {
        const exit = await host.run(
          {
            argv: ['/bin/sh', '-c', 'pwd; printf %s "$SECRET"'],
            cwd: fixture.folder,
            env: { SECRET: new Secret(`s'3 "$x`) },
          },
          quietIo,
        )
        expect(text(exit.stdout)).toBe(`${fixture.folder}\ns'3 "$x`)
        const missing = await host.run({ argv: ['true'], cwd: at('nope') }, quietIo)
        expect(missing.code).not.toBe(0)
      })

      test('refuses a secret among the arguments and a NUL byte', async () => {
        const secret = host.run({ argv: ['echo', new Secret('hunter2')] }, quietIo)
        expect(await codeOf(secret)).toBe('command.invalid')
        expect(await codeOf(host.run({ argv: ['echo', 'a\0b'] }, quietIo))).toBe('command.invalid')
        expect(await out('echo still here')).toBe('still here\n')
      })

      test('shows no secret in any list of processes', async () => {
        const argv = [
          '/bin/sh',
          '-c',
          'cat >/dev/null; ps axww -o args 2>/dev/null || cat /proc/[0-9]*/cmdline',
        ]
        const secret = new Secret('hunter2-xyzzy')
        const exit = await host.run({ argv, env: { PASSWORD: secret }, stdin: secret }, quietIo)
        expect(text(exit.stdout)).toContain('cat >/dev/null')
        expect(text(exit.stdout)).not.toContain('hunter2-xyzzy')
      })

      test('feeds stdin, all of it and nothing else', async () => {
        const data = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256))
        const exit = await host.run({ argv: ['sha256sum'], stdin: pieces(data, data) }, quietIo)
        expect(text(exit.stdout)).toContain(sha256(Buffer.concat([data, data])))
        expect(text((await host.run({ argv: ['cat'] }, quietIo)).stdout)).toBe('')
      })

      test('does not run what a command left unread of its stdin', async () => {
        const stdin = Buffer.from(`first\n touch ${at('pwned')}\n`.repeat(10_000))
        const exit = await host.run({ argv: ['head', '-n', '1'], stdin }, quietIo)
        expect(text(exit.stdout)).toBe('first\n')
        expect(await host.ask({ f: probes.file(at('pwned')) }, quietIo)).toEqual({
          f: { kind: 'absent' },
        })
      })

      test('throws what the source of stdin throws', async () => {
        const broken = async function* (): AsyncGenerator<Uint8Array> {
          yield Buffer.from('x')
          throw new BkpError('step.failed', 'the source broke')
        }
        expect(await codeOf(host.run({ argv: ['cat'], stdin: broken() }, quietIo))).toBe(
          'step.failed',
        )
      })

      test('does not wait for a daemon left behind, nor hear it later', async () => {
        const pid = await out(
          '{ trap "" HUP; while sleep 0.05; do echo noise; echo noise >&2; done; } & echo $!',
        )
        for (let round = 0; round < 5; round += 1) expect(await out('echo quiet')).toBe('quiet\n')
        await sh(`kill -9 ${pid.trim()}`)
      })

      test('takes a prompt of sudo for output', async () => {
        expect(await out(`printf '[sudo] password for root: '`)).toBe('[sudo] password for root: ')
      })

      test('runs in English, in UTC, with plain rights for new files', async () => {
        expect(await out('echo $LC_ALL $TZ; umask')).toBe('C UTC\n0022\n')
      })

      test('runs several commands at once', async () => {
        const both = [
          sh(`while [ ! -e ${at('flag')} ]; do sleep 0.02; done; echo seen`),
          sh(`touch ${at('flag')}; echo set`),
        ]
        expect((await Promise.all(both)).map(exit => text(exit.stdout))).toEqual([
          'seen\n',
          'set\n',
        ])
      })

      test('ends the whole process group when it is cancelled, and goes on', async () => {
        const { io, abort } = cancellable()
        const running = sh(
          `echo $$ >${at('leader')}; sleep 1000 & sleep 1000; echo not reached >${at('reached')}`,
          io,
        )
        await sh(`while [ ! -s ${at('leader')} ]; do sleep 0.02; done`)
        const leader = (await out(`cat ${at('leader')}`)).trim()
        abort(new BkpError('step.timeout', 'too slow'))
        expect(await codeOf(running)).toBe('step.timeout')
        expect(await survivors(leader)).toBe('')
        expect(await out(`ls ${fixture.folder} | grep reached || echo none`)).toBe('none\n')
      })

      test('ends a command that ignores SIGTERM', async () => {
        const { io, abort } = cancellable()
        const running = sh(
          `trap '' TERM; echo $$ >${at('stubborn')}; while :; do sleep 0.1; done`,
          io,
        )
        await sh(`while [ ! -s ${at('stubborn')} ]; do sleep 0.02; done`)
        const leader = (await out(`cat ${at('stubborn')}`)).trim()
        abort()
        expect(await codeOf(running)).toBe('step.cancelled')
        expect(await survivors(leader)).toBe('')
      })
    })

    describe('ask', () => {
      test('answers everything of one question together', async () => {
        await sh(
          `mkdir ${at('asked')}; printf hello >${at('asked/file')}; ln -s file ${at('asked/link')}`,
        )
        const answers = await fixture.readOnly.ask(
          {
            yes: probes.succeeds('true'),
            no: probes.succeeds('false'),
            file: probes.file(at('asked/file')),
            link: probes.file(at('asked/link')),
            none: probes.file(at('asked/file/below')),
            hash: probes.sha256(at('asked/file')),
            content: probes.content(at('asked/file'), 4),
            glob: probes.exists(at('asked/l?n*')),
            noGlob: probes.exists(at('asked/x*')),
          },
          quietIo,
        )
        expect(answers).toMatchObject({
          yes: true,
          no: false,
          file: { kind: 'file', sizeBytes: 5, mode: '0644' },
          link: { kind: 'symlink', target: 'file' },
          none: { kind: 'absent' },
          hash: sha256(Buffer.from('hello')),
          content: { bytes: new Uint8Array(Buffer.from('hell')), truncated: true },
          glob: true,
          noGlob: false,
        })
      })

      test('leaves a probe that hangs when it is cancelled, and goes on', async () => {
        const { io, abort } = cancellable()
        const hanging = host.ask(
          { a: probes.conditionCommand(`echo $$ >${at('hung')}; sleep 1000`) },
          io,
        )
        await sh(`while [ ! -s ${at('hung')} ]; do sleep 0.02; done`)
        abort()
        expect(await codeOf(hanging)).toBe('step.cancelled')
        expect(await runs('hung')).toBe(false)
        expect(await host.ask({ a: probes.succeeds('true') }, quietIo)).toEqual({ a: true })
      })

      test('gives a read-only host nothing that writes', async () => {
        expect(Object.keys(fixture.readOnly).sort()).toEqual([
          'ask',
          'name',
          'read',
          'scan',
          'transport',
        ])
      })
    })

    describe('stream', () => {
      test('streams more than is ever kept', async () => {
        const { stdout, exit } = host.stream(
          { argv: ['head', '-c', '20000000', '/dev/zero'] },
          quietIo,
        )
        let total = 0
        for await (const chunk of stdout) total += chunk.length
        expect([total, (await exit).code]).toEqual([20_000_000, 0])
      })

      test('gives status, signal and stderr at the end', async () => {
        const failing = host.stream({ argv: ['/bin/sh', '-c', 'echo why >&2; exit 5'] }, quietIo)
        expect((await bytesOf(failing.stdout)).length).toBe(0)
        const exit = await failing.exit
        expect([exit.code, text(exit.stderr)]).toEqual([5, 'why\n'])
        const killed = host.stream({ argv: ['/bin/sh', '-c', 'kill -9 $$'] }, quietIo)
        await bytesOf(killed.stdout)
        expect(await killed.exit).toMatchObject({ code: undefined, signal: 'SIGKILL' })
      })

      test('pipes stdin through', async () => {
        const data = Buffer.alloc(3_000_000, 'bkp')
        const { stdout, exit } = host.stream({ argv: ['cat'], stdin: pieces(data) }, quietIo)
        expect((await bytesOf(stdout)).equals(data)).toBe(true)
        expect((await exit).code).toBe(0)
      })

      test('ends the command when its reader leaves', async () => {
        const argv = ['/bin/sh', '-c', `echo $$ >${at('left')}; exec cat /dev/zero`]
        for await (const chunk of host.stream({ argv }, quietIo).stdout) {
          expect(chunk.length).toBeGreaterThan(0)
          break
        }
        expect(await runs('left')).toBe(false)
      })

      test('ends the command when it is cancelled', async () => {
        const { io, abort } = cancellable()
        const { stdout, exit } = host.stream({ argv: ['/bin/sh', '-c', 'echo go; sleep 1000'] }, io)
        const reading = (async () => {
          for await (const _ of stdout) abort()
        })()
        expect(await codeOf(reading)).toBe('step.cancelled')
        expect(await codeOf(exit)).toBe('step.cancelled')
      })

      test('lets more streams wait than there are channels', async () => {
        const many = Array.from({ length: 20 }, async (_, index) => {
          const { stdout } = host.stream({ argv: ['echo', String(index)] }, quietIo)
          return text(await bytesOf(stdout)).trim()
        })
        expect(await Promise.all(many)).toEqual(many.map((_, index) => String(index)))
      })
    })

    describe('read and write', () => {
      test('reads what was written, whole and in ranges', async () => {
        const data = Buffer.from(Array.from({ length: 3_000_001 }, (_, i) => (i * 31) % 251))
        await host.write(
          at('data'),
          pieces(data.subarray(0, 10), data.subarray(10)),
          { mode: '0640' },
          quietIo,
        )
        expect((await bytesOf(host.read(at('data'), quietIo))).equals(data)).toBe(true)
        for (const range of [
          { offset: 0, lengthBytes: 1 },
          { offset: 1_234_567, lengthBytes: 1_000_003 },
          { offset: 3_000_001, lengthBytes: 0 },
        ]) {
          const got = await bytesOf(fixture.readOnly.read(at('data'), quietIo, range))
          expect(got.equals(data.subarray(range.offset, range.offset + range.lengthBytes))).toBe(
            true,
          )
        }
        expect(await host.ask({ f: probes.file(at('data')) }, quietIo)).toMatchObject({
          f: { mode: '0640', sizeBytes: data.length },
        })
      })

      test('takes a range that ends early for an error, and what is no file', async () => {
        await host.write(at('short'), pieces('12345'), { mode: '0600' }, quietIo)
        const read = (path: string, range?: { offset: number; lengthBytes: number }) =>
          codeOf(bytesOf(host.read(path, quietIo, range)))
        expect(await read(at('short'), { offset: 3, lengthBytes: 3 })).toBe('file.unreadable')
        expect(await read(at('short'), { offset: 9, lengthBytes: 1 })).toBe('file.unreadable')
        expect(await read(at('nope'))).toBe('file.unreadable')
        expect(await read(fixture.folder)).toBe('file.unreadable')
      })

      test('leaves the old file and no other when the bytes do not come to their end', async () => {
        await sh(`mkdir ${at('kept')}`)
        await host.write(at('kept/file'), pieces('old'), { mode: '0600' }, quietIo)
        const broken = async function* (): AsyncGenerator<Uint8Array> {
          yield Buffer.from('new and')
          throw new BkpError('step.failed', 'the source broke')
        }
        expect(await codeOf(host.write(at('kept/file'), broken(), { mode: '0600' }, quietIo))).toBe(
          'step.failed',
        )
        expect(await out(`cat ${at('kept/file')}; ls -A ${at('kept')}`)).toBe('oldfile\n')
      })

      test('replaces a symlink, and refuses a folder', async () => {
        await sh(`printf old >${at('target')}; ln -s target ${at('via')}; mkdir ${at('dir')}`)
        await host.write(at('via'), pieces('new'), { mode: '0644' }, quietIo)
        expect(await out(`cat ${at('target')} ${at('via')}`)).toBe('oldnew')
        expect(await codeOf(host.write(at('dir'), pieces('x'), { mode: '0644' }, quietIo))).toBe(
          'file.unwritable',
        )
        expect(
          await codeOf(host.write(at('no/where'), pieces('x'), { mode: '0644' }, quietIo)),
        ).toBe('file.unwritable')
      })
    })

    describe('scans', () => {
      test('odd names survive: written, walked, hashed, packed, read', async () => {
        const root = at('odd')
        const path = (entry: Uint8Array) => Buffer.concat([Buffer.from(`${root}/`), entry])
        await sh(`mkdir ${root}`)
        for (const [index, odd] of oddNames.entries()) {
          await host.write(path(odd), pieces(`content ${index}`), { mode: '0600' }, quietIo)
        }
        await host.run(
          {
            argv: [
              'ln',
              '-s',
              '--',
              Buffer.from('to\n\xff\n', 'latin1'),
              path(Buffer.from('link')),
            ],
          },
          quietIo,
        )
        const entries = await listOf(host.scan(probes.walkTree({ root }), quietIo))
        const walked = entries.filter(entry => entry.type === 'file')
        const hex = (names: readonly Uint8Array[]) =>
          names.map(n => Buffer.from(n).toString('hex')).sort()
        expect(hex(walked.map(entry => entry.path))).toEqual(hex(oddNames))
        expect(entries.find(entry => entry.path.length === 0)?.type).toBe('directory')
        const link = entries.find(entry => entry.type === 'symlink')
        expect(Buffer.from(link?.target ?? []).toString('latin1')).toBe('to\n\xff\n')

        const contents = oddNames.map((_, index) => `content ${index}`)
        const hashes = await listOf(
          host.scan(probes.hashFiles({ paths: oddNames.map(path) }), quietIo),
        )
        expect(hashes.map(hash => hash.sha256)).toEqual(
          contents.map(content => sha256(Buffer.from(content))),
        )
        const files = oddNames.map((odd, index) => ({
          path: odd,
          sizeBytes: contents[index]?.length ?? 0,
        }))
        const packed = await listOf(host.scan(probes.packFiles({ root, files }), quietIo))
        expect(
          packed.map(record => ('bytes' in record ? text(record.bytes) : record.error.message)),
        ).toEqual(contents)
        const blocks = await listOf(
          host.scan(
            probes.hashBlocks({
              files: files.map(f => ({ ...f, path: path(f.path) })),
              blockBytes: 1 << 20,
            }),
            quietIo,
          ),
        )
        expect(blocks.map(block => block.sha256)).toEqual(hashes.map(hash => hash.sha256))
        const looked = await listOf(host.scan(probes.statFiles({ root, paths: oddNames }), quietIo))
        expect(looked.map(({ entry }) => entry?.inode)).toEqual(
          oddNames.map(odd => walked.find(entry => odd.equals(entry.path))?.inode),
        )
        for (const [index, odd] of oddNames.entries()) {
          expect(text(await bytesOf(host.read(path(odd), quietIo)))).toBe(contents[index])
        }
      })

      test('hashes many files at once, and takes no name for a hash', async () => {
        const root = at('many')
        await sh(
          `mkdir ${root}; cd ${root}; i=0; while [ $i -lt 450 ]; do printf "content $i" >f$i; i=$((i + 1)); done`,
        )
        const names = Array.from({ length: 450 }, (_, i) => `f${i}`)
        const wanted: (string | undefined)[] = names.map((_, i) =>
          sha256(Buffer.from(`content ${i}`)),
        )
        const hash = async (own: readonly string[]) => {
          const paths = own.map(name => `${root}/${name}`)
          return await listOf(host.scan(probes.hashFiles({ paths }), quietIo))
        }
        expect((await hash(names)).map(({ sha256: sum }) => sum)).toEqual(wanted)
        // What is gone or a link takes no place; a name that looks like a line of output is none.
        await sh(`cd ${root}; rm f3; ln -sf f4 f300`)
        const forged = `f\n${'a'.repeat(64)} *x`
        await host.write(`${root}/${forged}`, pieces('forged'), { mode: '0600' }, quietIo)
        wanted[3] = undefined
        wanted[300] = undefined
        const mixed = [...names.slice(0, 10), forged, 'f\\', ...names.slice(300, 303)]
        expect(await hash(mixed)).toEqual(
          [
            ...wanted.slice(0, 10),
            sha256(Buffer.from('forged')),
            undefined,
            ...wanted.slice(300, 303),
          ].map((sum, file) => ({ file, sha256: sum })),
        )
        expect(await hash([forged, 'f1'])).toEqual([
          { file: 0, sha256: sha256(Buffer.from('forged')) },
          { file: 1, sha256: wanted[1] },
        ])
      })

      test('a walk is whole or an error', async () => {
        const walk = (root: string) => codeOf(listOf(host.scan(probes.walkTree({ root }), quietIo)))
        await sh(`ln -s nowhere ${at('dangling')}`)
        expect(await walk(at('no-root'))).toBe('file.unreadable')
        expect(await walk(at('dangling'))).toBe('file.unreadable')
      })

      test('unpacks a tree with its modes, times to the second, links and odd names', async () => {
        await sh(`mkdir ${at('unpacked')}`)
        const common = { user: 'root', group: 'root', mode: 0o640 }
        const mtimeNs = 1_700_000_000_123_456_789n
        const second = 1_000_000_000n
        const single = {
          ...common,
          path: Buffer.from('a'),
          type: 'directory',
          sizeBytes: 0,
          mtimeNs,
        } as const
        const long = Buffer.from(`${'d'.repeat(150)}/${'e'.repeat(150)}`)
        await unpackTree(
          host,
          at('unpacked'),
          [
            {
              ...common,
              path: Buffer.from('d'.repeat(150)),
              type: 'directory',
              sizeBytes: 0,
              mode: 0o750,
              mtimeNs,
            },
            { ...common, path: long, type: 'file', sizeBytes: 3, mtimeNs, content: pieces('abc') },
            ...oddNames.map(
              path =>
                ({
                  ...common,
                  path,
                  type: 'file',
                  sizeBytes: 1,
                  mtimeNs,
                  content: pieces('x'),
                }) as const,
            ),
            {
              ...common,
              path: Buffer.from('link'),
              type: 'symlink',
              sizeBytes: 0,
              mtimeNs,
              target: long,
            },
          ],
          quietIo,
        )
        const entries = await listOf(host.scan(probes.walkTree({ root: at('unpacked') }), quietIo))
        expect(entries).toHaveLength(oddNames.length + 4)
        for (const entry of entries.filter(({ path }) => path.length > 0)) {
          if (entry.type !== 'file') continue
          expect(entry.mtimeNs / second, text(entry.path)).toBe(mtimeNs / second)
          expect(entry.mode).toBe(0o640)
        }
        const link = entries.find(entry => entry.type === 'symlink')
        expect(Buffer.from(link?.target ?? []).equals(long)).toBe(true)
        expect(await codeOf(unpackTree(host, at('no-root'), [single], quietIo))).toBe(
          'command.failed',
        )
      })

      test('unpacks times to the nanosecond', async () => {
        await sh(`mkdir ${at('times')}`)
        for (const mtimeNs of [-1_500_000_001n, 1_700_000_000_123_456_789n]) {
          const common = { sizeBytes: 0, mode: 0o700, user: 'root', group: 'root', mtimeNs }
          const folder = { ...common, path: Buffer.from('d'), type: 'directory' } as const
          const file = {
            ...common,
            path: Buffer.from('d/f'),
            type: 'file',
            content: pieces(),
          } as const
          await unpackTree(host, at('times'), [folder, file], quietIo)
          const entries = await listOf(host.scan(probes.walkTree({ root: at('times/d') }), quietIo))
          expect(entries.map(entry => entry.mtimeNs)).toEqual([mtimeNs, mtimeNs])
        }
      })
    })

    describe('variables of a step', () => {
      const value = `it's "$x" \\ \n`
      const shown = `printf '%s|%s' "$STEP" "\${OWN-}"`
      const token = new Secret('hunter3-xyzzy')

      test('are those of each command, whose own win', async () => {
        const own = fixture.withVariables({ STEP: value, OWN: 'step', TOKEN: token })
        const argv = ['/bin/sh', '-c', shown]
        expect(text((await own.run({ argv }, quietIo)).stdout)).toBe(`${value}|step`)
        const exit = await own.run({ argv, env: { OWN: 'own' } }, quietIo)
        expect(text(exit.stdout)).toBe(`${value}|own`)
        const fed = await own.run({ argv, stdin: Buffer.from('x') }, quietIo)
        expect(text(fed.stdout)).toBe(`${value}|step`)
        const { stdout, exit: ended } = own.stream({ argv }, quietIo)
        expect((await bytesOf(stdout)).toString()).toBe(`${value}|step`)
        expect((await ended).code).toBe(0)
      })

      test('are seen by questions, which we read in English all the same', async () => {
        const own = fixture.withVariables({
          STEP: value,
          TOKEN: token,
          LC_ALL: 'de_DE',
          TZ: 'Asia/X',
        })
        const question = {
          user: probes.conditionCommand(`[ "$LC_ALL $TZ" = "de_DE Asia/X" ] && [ -n "$TOKEN" ]`),
          ours: probes.output('/bin/sh', '-c', `printf '%s' "$LC_ALL $TZ $STEP"`),
        }
        expect(await own.ask(question, quietIo)).toMatchObject({
          user: true,
          ours: { stdout: `C UTC ${value}` },
        })
        expect(await host.ask({ user: question.user }, quietIo)).toEqual({ user: false })
      })

      test('do not last, and are in no list of processes', async () => {
        const own = fixture.withVariables({ STEP: value, TOKEN: token })
        const argv = ['/bin/sh', '-c', 'ps axww -o args 2>/dev/null || cat /proc/[0-9]*/cmdline']
        const listed = text((await own.run({ argv }, quietIo)).stdout)
        expect(listed).toContain('cmdline')
        expect(listed).not.toContain('hunter3-xyzzy')
        expect(await out(`echo "[\${STEP-}\${TOKEN-}]"`)).toBe('[]\n')
      })

      test('have names as shells take them', async () => {
        const run = async () =>
          await fixture.withVariables({ 'A;id': 'x' }).run({ argv: ['true'] }, quietIo)
        expect(await codeOf(run())).toBe('command.invalid')
      })
    })

    describe('dial', () => {
      test('connects from the host, and says where it cannot', async () => {
        const server = createServer(socket => socket.pipe(socket)).listen(0, '127.0.0.1')
        await new Promise(resolve => server.once('listening', resolve))
        const address = server.address()
        const port = typeof address === 'object' && address !== null ? address.port : 0
        const socket = await host.dial({ host: '127.0.0.1', port }, quietIo)
        const echoed = new Promise<Buffer>(resolve => socket.once('data', resolve))
        socket.write('ping')
        expect((await echoed).toString()).toBe('ping')
        const closed = new Promise(resolve => server.close(resolve))
        socket.destroy()
        await closed
        expect(await codeOf(host.dial({ host: '127.0.0.1', port }, quietIo))).toBe('command.failed')
      })

      test('lets each side end for itself', async () => {
        let hear = (_text: string): void => {}
        const heard = new Promise<string>(resolve => {
          hear = resolve
        })
        const server = createServer({ allowHalfOpen: true }, socket => {
          const got: Buffer[] = []
          socket.on('data', data => got.push(data))
          socket.on('end', () => hear(Buffer.concat(got).toString()))
          socket.end('first and last')
        }).listen(0, '127.0.0.1')
        await new Promise(resolve => server.once('listening', resolve))
        const address = server.address()
        const port = typeof address === 'object' && address !== null ? address.port : 0
        const socket = await host.dial({ host: '127.0.0.1', port }, quietIo)
        let received = ''
        socket.on('data', data => {
          received += String(data)
        })
        await new Promise(resolve => socket.once('end', resolve))
        expect(received).toBe('first and last')
        socket.end('after all')
        expect(await heard).toBe('after all')
        await new Promise(resolve => server.close(resolve))
      })
    })
  })
}
