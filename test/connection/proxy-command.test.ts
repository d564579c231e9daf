import { expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { openProxyCommand } from '../../src/connection/ssh/proxy-command.ts'

it('closes when its program ends, and throws nothing at a process in which nobody listens any more', async () => {
  const { stream, complaint } = openProxyCommand(
    "sh -c 'echo no way there >&2; exit 3'",
    systemClock,
  )
  await new Promise<void>(resolve => stream.once('close', () => resolve()))
  expect(await complaint()).toBe('no way there')
})
