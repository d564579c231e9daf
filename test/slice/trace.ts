import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

export interface Trace {
  /** Ends the trace; resolves to every path that was opened, as it was named. */
  stop(): Promise<readonly string[]>
}

/** Traces which files a daemon and all it starts from now on open, with strace. */
export async function traceOpens(pid: number, file: string): Promise<Trace> {
  const strace = spawn(
    'strace',
    ['-f', '-qqq', '-s', '4096', '-e', 'trace=open,openat,openat2', '-o', file, '-p', String(pid)],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  await attached(pid)
  return Object.freeze({
    stop: async () => {
      strace.kill('SIGINT')
      await once(strace, 'close')
      return openedPaths(readFileSync(file, 'utf8'))
    },
  } satisfies Trace)

  /** The kernel says who traces a process; strace itself says nothing when it is ready. */
  async function attached(process: number): Promise<void> {
    while (!/^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${process}/status`, 'utf8'))) {
      if (strace.exitCode !== null) throw new Error(`strace ended: ${strace.stderr.read()}`)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}

function openedPaths(trace: string): readonly string[] {
  return [...trace.matchAll(/open(?:at2?)?\((?:[^,"]+, )?"((?:[^"\\]|\\.)*)"/g)].map(
    ([, path = '']) => path,
  )
}
