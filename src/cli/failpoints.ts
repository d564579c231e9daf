import { BkpError } from '../base/errors.ts'
import type { Storage } from '../storage/contract.ts'

/**
 * Where a test kills the program, from BKP_FAILPOINT: `journal:N` after the N-th journal event is on
 * disk, `storage:N:before` and `storage:N:after` around the N-th write to a storage. Nothing else
 * reads it; without it no wrapper is there.
 */
export interface Failpoints {
  onJournal(events: number): void
  wrap(storage: Storage): Storage
}

/** The failpoints that the environment asks for. @throws usage.invalid when they are not understood */
export function readFailpoints(text: string | undefined): Failpoints | undefined {
  if (text === undefined || text === '') return undefined
  const [, kind, number, when = 'after'] =
    /^(journal|storage):(\d+)(?::(before|after))?$/.exec(text) ?? []
  if (kind === undefined) {
    throw new BkpError('usage.invalid', `BKP_FAILPOINT=${text} is not understood`, {
      hint: 'write journal:N, storage:N:before or storage:N:after',
    })
  }
  const target = Number(number)
  return Object.freeze({
    onJournal: (events: number) => {
      if (kind === 'journal' && events === target) die()
    },
    wrap: (storage: Storage) =>
      kind === 'storage' ? dyingStorage(storage, target, when) : storage,
  })
}

/** SIGKILL: no handler, no clean-up, as when the machine loses power. */
function die(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}

let writes = 0

function dyingStorage(storage: Storage, target: number, when: string): Storage {
  const around = async <T>(write: () => Promise<T>): Promise<T> => {
    writes += 1
    const mine = writes === target
    if (mine && when === 'before') die()
    const result = await write()
    if (mine) die()
    return result
  }
  return Object.freeze({
    ...storage,
    put: (...words: Parameters<Storage['put']>) => around(() => storage.put(...words)),
    putIfAbsent: (...words: Parameters<Storage['putIfAbsent']>) =>
      around(() => storage.putIfAbsent(...words)),
    putStream: (...words: Parameters<Storage['putStream']>) =>
      around(() => storage.putStream(...words)),
    delete: (...words: Parameters<Storage['delete']>) => around(() => storage.delete(...words)),
  })
}
