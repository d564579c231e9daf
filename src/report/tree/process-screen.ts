import { ProcessOutputStream } from 'listr2'
import type { Screen, ScreenWatcher } from './live-area.ts'

const showCursor = '\u001b[?25h'
const hideCursor = '\u001b[?25l'
/** Signals that end a process that does not listen to them. */
const deadly = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * The process's terminal. What anything else writes to it meanwhile (a warning of Node, a line of the
 * command line) is held by listr2's output streams and shown above the live rows. The cursor comes
 * back however the process ends, a SIGKILL apart.
 */
export function processScreen(host: NodeJS.Process): Screen {
  const stdout = new ProcessOutputStream(host.stdout)
  const held = [stdout, ...(host.stderr.isTTY ? [new ProcessOutputStream(host.stderr)] : [])]
  let letGo: (() => void) | undefined
  let partial = ''
  let watching: ScreenWatcher | undefined
  let setAside: ScreenWatcher | undefined
  let asides = 0

  /** Whole lines of what others wrote; the streams stay held. */
  const caught = (): readonly string[] => {
    if (letGo === undefined) return []
    const entries = held.flatMap(stream => {
      const buffered = stream.release()
      stream.hijack()
      return buffered
    })
    const text = entries
      .sort((a, b) => a.time - b.time)
      .map(({ entry }) => entry)
      .join('')
    const lines = (partial + text).split('\n')
    partial = lines.pop() ?? ''
    return lines
  }

  const release = (): void => {
    if (letGo === undefined) return
    const rest = [...caught(), partial].join('\n')
    for (const stream of held) stream.release()
    letGo()
    letGo = undefined
    watching = undefined
    partial = ''
    stdout.write(showCursor + rest)
  }

  return Object.freeze({
    size: () => ({ columns: host.stdout.columns || 80, rows: host.stdout.rows || 24 }),
    write: text => void stdout.write(text),
    capture: watcher => {
      if (letGo !== undefined) return
      watching = watcher
      letGo = watch(host, watcher)
      stdout.write(hideCursor)
      for (const stream of held) stream.hijack()
    },
    caught,
    release,
    aside: async work => {
      asides += 1
      if (asides === 1) {
        setAside = watching
        setAside?.suspend()
      }
      try {
        return await work()
      } finally {
        asides -= 1
        if (asides === 0) setAside?.resume()
      }
    },
  } satisfies Screen)
}

/** Tells the watcher when the process stops, goes on or ends; returns how to stop that. */
function watch(host: NodeJS.Process, watcher: ScreenWatcher): () => void {
  const { suspend, resume } = watcher
  const end = (signal: NodeJS.Signals): void => {
    if (host.listenerCount(signal) > 1) {
      watcher.interrupted()
      return
    }
    suspend()
    host.kill(host.pid, signal)
  }
  const stop = (): void => {
    suspend()
    host.once('SIGCONT', resume)
    host.kill(host.pid, 'SIGSTOP')
  }
  for (const signal of deadly) host.on(signal, end)
  host.on('SIGTSTP', stop)
  host.on('exit', suspend)
  return () => {
    for (const signal of deadly) host.off(signal, end)
    host.off('SIGTSTP', stop)
    host.off('exit', suspend)
  }
}
