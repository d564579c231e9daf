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
  const waiting = `while [ ! -e ${flag} ]; do sleep 0.02; done; echo too late`
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
