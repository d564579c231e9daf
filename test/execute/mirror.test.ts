import { describe, expect, test } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { createRedactor, Secret } from '../../src/base/secret.ts'
import type { RunEvent } from '../../src/events/events.ts'
import { eventLine } from '../../src/events/line.ts'
import { createMirror, type Mirror, type MirrorOptions } from '../../src/execute/mirror.ts'
import { listMirrors, readMirror } from '../../src/execute/mirror-read.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { key } from '../../src/storage/key.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { faultyStorage } from '../storage/faulty.ts'
import { counted, errorOf, keysBelow, quickClock, refusalOf, storages } from './lock-support.ts'

const documents = [
  { path: 'book.yml', text: '- hosts: all\n' },
  { path: 'inv.yml', text: 'all: {}\n' },
]

/** The n-th event of a run. */
function event(seq: number, run = 'run-1', message = `event ${seq}`): RunEvent {
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, seq)).toISOString()
  return { seq, time, run, event: 'notice', level: 'info', message }
}
const events = (from: number, to: number): readonly RunEvent[] =>
  Array.from({ length: to - from + 1 }, (_, at) => event(from + at))
const line = (each: RunEvent): string => `${eventLine(each)}\n`

function options(storage: Storage, more: Partial<MirrorOptions> = {}): MirrorOptions {
  return {
    storage,
    storageName: 'vault',
    run: 'run-1',
    documents,
    history: [],
    redact: text => text,
    controller: { host: 'ctl1', user: 'op', pid: 42 },
    clock: quickClock(),
    random: counted,
    ...more,
  }
}

async function write(mirror: Mirror, list: readonly RunEvent[]): Promise<void> {
  for (const each of list) mirror.append(line(each))
  await mirror.synced()
}

const numbers = (list: readonly RunEvent[]): readonly number[] => list.map(({ seq }) => seq)

describe.each(storages)('the mirror of a run: %s', (_name, make) => {
  test('is its documents and events in order', async () => {
    const storage = await make()
    const mirror = await createMirror(options(storage))
    expect(await keysBelow(storage, '')).toEqual([])
    await write(mirror, events(1, 3))
    await mirror.synced()
    await write(mirror, events(4, 4))
    mirror.append(line(event(5)))
    await mirror.close()
    expect(await keysBelow(storage, '')).toEqual([
      'runs/run-1/00000001',
      'runs/run-1/00000002',
      'runs/run-1/00000003',
    ])
    expect(await readMirror(storage, 'run-1', quietIo)).toEqual({
      run: 'run-1',
      documents,
      events: events(1, 5),
      writer: { host: 'ctl1', user: 'op', pid: 42 },
    })
  })

  test('goes on from another controller, behind its last object', async () => {
    const storage = await make()
    await write(await createMirror(options(storage)), events(1, 3))
    const { events: history } = await readMirror(storage, 'run-1', quietIo)
    const controller = { host: 'ctl2', user: 'op', pid: 7 }
    const mirror = await createMirror(options(storage, { history, controller }))
    await mirror.synced()
    expect(await keysBelow(storage, 'runs/')).toHaveLength(1)
    await write(mirror, events(4, 5))
    const read = await readMirror(storage, 'run-1', quietIo)
    expect(read).toMatchObject({ events: events(1, 5), writer: controller })
  })

  test('of two controllers that go on with it, one stops', async () => {
    const storage = await make()
    await write(await createMirror(options(storage)), events(1, 2))
    const history = events(1, 2)
    const mirrors = await Promise.all(
      ['ctl2', 'ctl3'].map(host =>
        createMirror(options(storage, { history, controller: { host, user: 'op', pid: 7 } })),
      ),
    )
    const ends = await Promise.allSettled(mirrors.map(mirror => write(mirror, events(3, 3))))
    const loser = ends.findIndex(end => end.status === 'rejected')
    expect(ends.filter(end => end.status === 'rejected')).toHaveLength(1)
    const winner = loser === 0 ? 'ctl3' : 'ctl2'
    const error = await refusalOf(mirrors[loser]?.synced() ?? Promise.resolve())
    expect([error.exit, error.details['host']]).toEqual([8, winner])
    expect(error.message).toContain(`run run-1 went on elsewhere: vault has events of it`)
    expect(error.hint).toContain('bkp resume --from vault run-1')
    // For good: nothing of the loser is written any more.
    await write(mirrors[1 - loser] as Mirror, events(4, 4))
    await refusalOf(write(mirrors[loser] as Mirror, events(9, 9)))
    expect((await readMirror(storage, 'run-1', quietIo)).events).toEqual(events(1, 4))
    // Not even into a gap that someone made.
    await storage.delete([key('runs/run-1/00000002')], quietIo)
    await refusalOf(mirrors[loser]?.synced() ?? Promise.resolve())
    expect(await keysBelow(storage, 'runs/')).not.toContain('runs/run-1/00000002')
  })

  test('lags behind the journal, and catches up; a journal that lags behind it is refused', async () => {
    const storage = await make()
    await write(await createMirror(options(storage)), events(1, 3))
    const ahead = await createMirror(options(storage, { history: events(1, 6) }))
    await ahead.synced()
    expect((await readMirror(storage, 'run-1', quietIo)).events).toEqual(events(1, 6))
    const error = await refusalOf(createMirror(options(storage, { history: events(1, 5) })))
    expect(error.hint).toContain('bkp abort --from vault run-1')
    const other = [...events(1, 5), { ...event(6), time: '2027-01-01T00:00:00.000Z' }]
    await refusalOf(createMirror(options(storage, { history: other })))
    await refusalOf(createMirror(options(storage)))
  })

  test('holds no secrets: not of lines, not of documents, and not of the history', async () => {
    const storage = await make()
    const redactor = createRedactor()
    redactor.register(new Secret('hunter2"x'))
    const { redact } = redactor
    const mirror = await createMirror(
      options(storage, {
        redact,
        documents: [{ path: 'a.yml', text: 'password: hunter2"x' }],
        history: [event(1, 'run-1', 'it is hunter2"x')],
      }),
    )
    await write(mirror, [event(2, 'run-1', 'still hunter2"x')])
    for (const each of await keysBelow(storage, '')) {
      const text = Buffer.from(await storage.get(key(each), quietIo)).toString('utf8')
      expect(text).not.toContain('hunter2')
    }
    const read = await readMirror(storage, 'run-1', quietIo)
    expect(JSON.stringify(read)).toContain('password: ••••')
    // The redacted mirror is still known for the beginning of the journal.
    const history = [event(1, 'run-1', 'it is hunter2"x'), event(2)]
    await createMirror(options(storage, { history, redact }))
  })

  test('runs are listed with their last events, and a damaged one hides none', async () => {
    const storage = await make()
    for (const run of ['run-1', 'run-2', 'run-3']) {
      const mirror = await createMirror(options(storage, { run }))
      await write(mirror, [event(1, run), event(2, run)])
      await write(mirror, [event(3, run), event(4, run)])
    }
    await storage.put(key('runs/run-2/00000002'), Buffer.from('torn'), quietIo)
    await storage.put(key('runs/note.txt'), Buffer.from('hello'), quietIo)
    const found: unknown[] = []
    for await (const each of listMirrors(storage, quietIo)) {
      found.push(
        'problem' in each
          ? [each.run, each.problem.code]
          : [each.run, each.objects, numbers(each.last), each.writer.host],
      )
    }
    expect(found).toEqual([
      ['run-1', 2, [3, 4], 'ctl1'],
      ['run-2', 'run.mirror_damaged'],
      ['run-3', 2, [3, 4], 'ctl1'],
    ])
  })
})

describe('what a mirror is not', () => {
  const mirrored = async (): Promise<Storage> => {
    const storage = createMemoryStorage()
    const mirror = await createMirror(options(storage))
    await write(mirror, events(1, 2))
    await write(mirror, events(3, 3))
    await write(mirror, events(4, 4))
    return storage
  }
  const first = key('runs/run-1/00000001')
  const second = key('runs/run-1/00000002')

  test.each<readonly [string, (storage: Storage) => Promise<unknown>]>([
    ['is missing', storage => storage.delete([second], quietIo)],
    ['is missing', storage => storage.delete([first], quietIo)],
    ['does not belong', s => s.put(key('runs/run-1/x'), Buffer.from(''), quietIo)],
    ['is no part of a journal', s => s.put(second, Buffer.from('{}\n'), quietIo)],
    ['is no part of a journal', s => s.put(second, Buffer.from(''), quietIo)],
    ['belongs to another', async s => s.put(second, await s.get(first, quietIo), quietIo)],
  ])('it %s', async (what, damage) => {
    const storage = await mirrored()
    await damage(storage)
    for (const reading of [
      readMirror(storage, 'run-1', quietIo),
      createMirror(options(storage, { history: events(1, 4) })),
    ]) {
      const error = await errorOf(reading)
      expect([error.code, error.exit]).toEqual(['run.mirror_damaged', 2])
      expect(error.message).toContain(what)
    }
  })

  test('torn at any byte, or with one changed', async () => {
    const storage = await mirrored()
    const whole = await storage.get(second, quietIo)
    for (let length = 0; length < whole.length; length += 1) {
      await storage.put(second, whole.subarray(0, length), quietIo)
      const torn = await errorOf(readMirror(storage, 'run-1', quietIo))
      expect(torn.code).toBe('run.mirror_damaged')
    }
    const changed = Uint8Array.from(whole)
    changed[whole.length - 3] = 0x58
    await storage.put(second, changed, quietIo)
    expect((await errorOf(readMirror(storage, 'run-1', quietIo))).message).toContain('changed')
  })

  test('a run that is not there', async () => {
    const storage = await mirrored()
    for (const run of ['run-9', 'run-', '', '../locks', 'run-1/', '\u001b[2J', 'x'.repeat(999)]) {
      const error = await errorOf(readMirror(storage, run, quietIo))
      expect([error.code, error.exit]).toEqual(['usage.invalid', 5])
      expect(error.message).not.toContain('\u001b')
    }
  })
})

describe('writing', () => {
  test('calls made meanwhile share an object, and none is ahead of its call', async () => {
    const storage = createMemoryStorage()
    let release = (): void => {}
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    const slow: Storage = {
      ...storage,
      putIfAbsent: async (...words) => {
        await gate
        return await storage.putIfAbsent(...words)
      },
    }
    const mirror = await createMirror(options(slow))
    mirror.append(line(event(1)))
    const one = mirror.synced()
    mirror.append(line(event(2)))
    mirror.append(line(event(3)))
    const two = mirror.synced()
    const three = mirror.synced()
    mirror.append(line(event(4)))
    release()
    await one
    await Promise.all([two, three])
    expect(await keysBelow(storage, 'runs/')).toHaveLength(2)
    // Line 4 waits for its own call: the journal may not have it yet.
    expect(numbers((await readMirror(storage, 'run-1', quietIo)).events)).toEqual([1, 2, 3])
  })

  test('large ones are cut between lines', async () => {
    const storage = createMemoryStorage()
    const mirror = await createMirror(options(storage))
    const large = Array.from({ length: 5 }, (_, at) =>
      event(at + 1, 'run-1', 'x'.repeat(at === 2 ? 6_000_000 : 1_500_000)),
    )
    await write(mirror, large)
    expect((await keysBelow(storage, 'runs/')).length).toBeGreaterThan(2)
    const read = await readMirror(storage, 'run-1', quietIo)
    expect(numbers(read.events)).toEqual([1, 2, 3, 4, 5])
  })

  test('tries again after a failure, with the same object', async () => {
    for (const when of ['before', 'after'] as const) {
      const storage = createMemoryStorage()
      const fault = { nth: 1, only: ['putIfAbsent'], when, repeat: 5 } as const
      const mirror = await createMirror(options(faultyStorage(storage, fault).storage))
      mirror.append(line(event(1)))
      expect((await errorOf(mirror.synced())).code).toBe('storage.unreachable')
      await write(mirror, events(2, 3))
      expect((await readMirror(storage, 'run-1', quietIo)).events).toEqual(events(1, 3))
      expect(await keysBelow(storage, 'runs/')).toHaveLength(2)
    }
  })
})

/** As SIGKILL: nothing catches it, and nothing works any more. */
class Killed extends Error {}

test.each(['before', 'after'] as const)(
  'killed %s the n-th operation, what was acknowledged is there, and it goes on',
  async when => {
    let completed = false
    for (let nth = 1; !completed; nth += 1) {
      const inner = createMemoryStorage()
      const error = () => new Killed()
      const faulty = faultyStorage(inner, { nth, when, repeat: Number.POSITIVE_INFINITY, error })
      const journal: RunEvent[] = []
      let acknowledged = 0
      try {
        const mirror = await createMirror(options(faulty.storage))
        for (let seq = 1; seq <= 5; seq += 1) {
          journal.push(event(seq))
          await write(mirror, [event(seq)])
          acknowledged = seq
        }
      } catch (thrown) {
        if (!(thrown instanceof Killed)) throw thrown
      }
      completed = !faulty.fired()
      if ((await keysBelow(inner, 'runs/')).length > 0) {
        const { events: found } = await readMirror(inner, 'run-1', quietIo)
        expect(found.length).toBeGreaterThanOrEqual(acknowledged)
        expect(found).toEqual(journal.slice(0, found.length))
        // Another controller has the mirror only.
        const there = await createMirror(options(inner, { history: found }))
        await write(there, [event(9)])
        expect(numbers((await readMirror(inner, 'run-1', quietIo)).events).at(-1)).toBe(9)
      } else {
        expect(acknowledged).toBe(0)
        // The controller itself has its journal.
        const here = await createMirror(options(inner, { history: journal }))
        await here.synced()
        expect((await readMirror(inner, 'run-1', quietIo)).events).toEqual(journal)
      }
      expect(nth).toBeLessThan(20)
    }
  },
)
