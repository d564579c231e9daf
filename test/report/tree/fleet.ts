import type { EngineEvent, RunEvent, StepStatus } from '../../../src/events/events.ts'
import type { Screen, ScreenWatcher } from '../../../src/report/tree/live-area.ts'

/** An event as sinks get it. */
export function stamp(event: EngineEvent): RunEvent {
  return { seq: 1, time: '2026-01-15T20:15:00.123Z', run: '20260115_201500-abcdef', ...event }
}

export const runStarted: EngineEvent = {
  event: 'run.started',
  version: 1,
  mode: 'apply',
  playbook: 'play.yml',
  inventory: ['inv.yml'],
  tool: '0.0.0',
}

/** `db001`, `db002`, ... */
export function fleet(size: number): readonly string[] {
  return Array.from({ length: size }, (_, index) => `db${String(index + 1).padStart(3, '0')}`)
}

/** One step's events on hosts. */
export function stepOf(name: string, module = 'shell') {
  const ref = (host: string) => ({ step: `/0/tasks/${name}`, name, module, host })
  return {
    started: (hosts: readonly string[], once = false): EngineEvent => ({
      event: 'task.started',
      step: `/0/tasks/${name}`,
      name,
      module,
      hosts,
      ...(once ? { once } : {}),
    }),
    begun: (host: string): EngineEvent => ({ event: 'step.started', ...ref(host) }),
    moved: (host: string, done: number, total?: number, part?: readonly [string, number, number]) =>
      ({
        event: 'step.progress',
        ...ref(host),
        done_bytes: done,
        ...(total === undefined ? {} : { total_bytes: total }),
        ...(part === undefined
          ? {}
          : { part: { host: part[0], done_bytes: part[1], total_bytes: part[2] } }),
      }) satisfies EngineEvent,
    ended: (host: string, status: StepStatus = 'changed', more: object = {}): EngineEvent => ({
      event: 'step.finished',
      ...ref(host),
      status,
      ...more,
    }),
  }
}

/** A screen that keeps what is written; what others write is put into `strange`. */
export function fakeScreen(columns: number, rows = 40) {
  let watcher: ScreenWatcher | undefined
  const state = { columns, rows, written: '', writes: 0, captured: false, strange: [] as string[] }
  const screen: Screen = {
    size: () => ({ columns: state.columns, rows: state.rows }),
    write: text => {
      state.written += text
      state.writes += 1
    },
    capture: by => {
      watcher = by
      state.captured = true
    },
    caught: () => state.strange.splice(0),
    release: () => {
      watcher = undefined
      state.captured = false
    },
    aside: async work => {
      const setAside = watcher
      setAside?.suspend()
      try {
        return await work()
      } finally {
        setAside?.resume()
      }
    },
  }
  return { screen, state, watcher: () => watcher }
}

/** What a terminal shows of what was written to it: cursor up, erase, colours, and no scrolling. */
export function displayed(written: string): readonly string[] {
  const lines: string[] = ['']
  let row = 0
  let column = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is read
  for (const [token] of written.matchAll(/\u001b\[\??\d*[A-Za-z]|[\s\S]/gu)) {
    const cells = [...(lines[row] ?? '')]
    if (token === '\n') {
      row += 1
      column = 0
      lines[row] ??= ''
    } else if (token === '\r') column = 0
    else if (token.endsWith('A') && token.length > 1) row -= Number(token.slice(2, -1))
    else if (token === '\u001b[J') lines.splice(row, lines.length, cells.slice(0, column).join(''))
    else if (token === '\u001b[K') lines[row] = cells.slice(0, column).join('')
    else if (!token.startsWith('\u001b')) {
      cells[column] = token
      lines[row] = cells.join('')
      column += 1
    }
  }
  return lines
}

/** A clock that stands still, and timers that fire when it is moved. */
export function manualTime() {
  let nowMs = 0
  let timers: { readonly atMs: number; readonly callback: () => void }[] = []
  return {
    clock: { monotonicMs: () => nowMs },
    schedule: (callback: () => void, milliseconds: number) => {
      const timer = { atMs: nowMs + milliseconds, callback }
      timers.push(timer)
      return {
        cancel: () => {
          timers = timers.filter(each => each !== timer)
        },
      }
    },
    advance: (milliseconds: number) => {
      const endMs = nowMs + milliseconds
      for (;;) {
        const [due] = timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)
        if (due === undefined) break
        timers = timers.filter(each => each !== due)
        nowMs = Math.max(nowMs, due.atMs)
        due.callback()
      }
      nowMs = endMs
    },
  }
}
