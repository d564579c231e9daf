import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { RunEvent } from '../../src/events/events.ts'
import { openJournal, readStoredRun } from '../../src/execute/journal.ts'
import { folder } from './lock-support.ts'

test('what is appended while other lines are written is written with the next', async () => {
  const stateDirectory = await folder()
  const options = { run: 'one', documents: [], redact: (text: string) => text }
  const journal = await openJournal({ stateDirectory, ...options })
  const numbers = Array.from({ length: 200 }, (_, index) => index)
  const syncs: Promise<void>[] = []
  for (const seq of numbers) {
    const event = { event: 'notice', level: 'info', message: 'x', seq, time: '', run: 'one' }
    journal.append(event as unknown as RunEvent)
    syncs.push(journal.synced())
    await setImmediate()
  }
  await Promise.all(syncs)
  await journal.close()
  const { events } = await readStoredRun(stateDirectory, 'one')
  expect(events.map(({ seq }) => seq)).toEqual(numbers)
})
