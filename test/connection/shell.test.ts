import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import type { Channel } from '../../src/connection/channel.ts'
import { localTransport } from '../../src/connection/local.ts'
import { openShell } from '../../src/connection/shell.ts'
import { errorOf, sessionOver, temporaryFolder } from './support.ts'

it('a shell whose controller is killed leaves no files behind', async () => {
  const folder = await temporaryFolder()
  const [tmp, flag] = [join(folder.path, 'tmp'), join(folder.path, 'flag')]
  await mkdir(tmp)
  const base = localTransport({ env: { PATH: String(process.env['PATH']), TMPDIR: tmp } })
  let channel: Channel | undefined
  const transport = {
    ...base,
    open: async () => {
      channel = await base.open(quietIo)
      return channel
    },
  }
  const shell = await openShell(sessionOver(transport, 1), quietIo)
  // The folder is removed soon after the flag is set: it must not wait for ever then.
  const waiting = `while [ -d ${tmp} ] && [ ! -e ${flag} ]; do sleep 0.02; done; echo too late`
  const running = errorOf(shell.run({ argv: ['sh', '-c', waiting] }, quietIo))
  while ((await readdir(tmp)).length === 0) await readdir(tmp)
  // What a dead controller looks like from here: nobody holds the other ends any more.
  channel?.close()
  await writeFile(flag, '')
  expect((await running).code).toBe('command.failed')
  await channel?.ended
  expect(await readdir(tmp)).toEqual([])
  await folder.remove()
})

it('what a daemon left behind prints is in no later command', async () => {
  const folder = await temporaryFolder()
  const env = { PATH: String(process.env['PATH']), TMPDIR: folder.path }
  const shell = await openShell(sessionOver(localTransport({ env }), 1), quietIo)
  const run = async (text: string): Promise<string> => {
    const { stdout } = await shell.run({ argv: ['sh', '-c', text] }, quietIo)
    return Buffer.from(stdout).toString()
  }
  const filesOfShell = async (): Promise<number> => {
    const [own = ''] = (await readdir(folder.path)).filter(name => name.startsWith('bkp.'))
    return (await readdir(join(folder.path, own))).length
  }
  const [go, told] = [join(folder.path, 'go'), join(folder.path, 'told')]
  await run(`(until [ -e ${go} ]; do sleep 0.01; done; echo late; touch ${told}) &`)
  // More commands than have files at a time, one of which hears the daemon.
  for (let index = 0; index < 40; index += 1) {
    const asked = index === 31 ? `touch ${go}; until [ -e ${told} ]; do sleep 0.01; done; ` : ''
    expect(await run(`${asked}:`)).toBe('')
  }
  expect(await filesOfShell()).toBeLessThanOrEqual(64)
  expect(await run('echo mine')).toBe('mine\n')
  // The next command begins when that one's files are gone.
  expect(await run(':')).toBe('')
  expect(await filesOfShell()).toBe(2)
  await shell.close()
  await folder.remove()
})
