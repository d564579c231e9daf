import { describe, expect, test } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { createRedactor } from '../../src/base/secret.ts'
import { listenForInterrupts } from '../../src/cli/interruption.ts'
import { withProgress } from '../../src/cli/progress.ts'
import { progressLine, progressText } from '../../src/cli/progress-line.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { createStyle } from '../../src/report/style.ts'

const view = {
  title: 'verify',
  doneBytes: 4_402_341_478,
  totalBytes: 12_884_901_888,
  perSecond: 325_058_560,
  elapsedMs: 14_000,
  current: '20250114_201500',
}
const bare = createStyle(false)
const signs = { spin: '|', ellipsis: '…' }

describe('a line of progress', () => {
  test('says how much, how fast, how long and what', () => {
    expect(progressLine(view, signs, 79, bare)).toBe(
      '| verify  4.1 GiB of 12.0 GiB  34%  310 MiB/s  eta 26s  20250114_201500',
    )
  })

  test('fits into any width, what matters least left out first', () => {
    const current = `db1:/var/lib/${'long/'.repeat(40)}文件`
    for (let cells = 1; cells < 200; cells += 1) {
      const line = progressLine({ ...view, current }, signs, cells, bare)
      expect(line.length, line).toBeLessThanOrEqual(cells)
    }
    expect(progressLine(view, signs, 30, bare)).toBe('| verify  4.1 GiB of 12.0 GiB')
    expect(progressLine(view, signs, 4, bare)).toBe('| v…')
  })

  test('says nothing that is not known', () => {
    const { totalBytes: _, perSecond: __, current: ___, ...little } = view
    expect(progressLine(little, signs, 79, bare)).toBe('| verify  4.1 GiB')
    expect(progressLine({ ...little, totalBytes: 0, doneBytes: 0 }, signs, 79, bare)).toBe(
      '| verify  0 B of 0 B',
    )
    // More than was foreseen is all.
    expect(progressLine({ ...view, totalBytes: 10 }, signs, 79, bare)).toContain('100%')
    expect(progressText(view)).toBe(
      'verify: 4.1 GiB of 12.0 GiB, 34%, 310 MiB/s, eta 26s after 14s (20250114_201500)',
    )
  })
})

/** A terminal that keeps what is written, and its signals. */
function terminalOf(isTerminal: boolean, environment: Readonly<Record<string, string>> = {}) {
  let text = ''
  let signal = (): void => {}
  const left: number[] = []
  const stream = {
    isTerminal,
    columns: 80,
    write: (more: string) => {
      text += more
    },
  }
  const terminal: Terminal = {
    stdout: stream,
    stderr: stream,
    columns: 80,
    directory: '/',
    environment: name => environment[name],
    canAsk: false,
    ask: async () => undefined,
    onInterrupt: callback => {
      signal = callback
      return { stop: () => {} }
    },
  }
  const interruptions = listenForInterrupts(terminal, status => left.push(status))
  return {
    context: { terminal, interruptions, redactor: createRedactor() },
    written: () => text,
    interrupt: () => signal(),
    left,
  }
}

/** Time that is far ahead as soon as the work begins: the first frame is due. */
function ahead() {
  let calls = 0
  return {
    monotonicMs: () => {
      calls += 1
      return calls === 1 ? 0 : 5000
    },
  }
}

/** Waits until something is there. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 10))
}

describe('work with progress', () => {
  test('redraws one line of a terminal and leaves nothing of it', async () => {
    const scene = terminalOf(true, { NO_COLOR: '1', LC_ALL: 'C' })
    const result = await withProgress(
      scene.context,
      'copy',
      async ({ io, at, note }) => {
        io.progress(1024, 4096)
        at('a \u001b[31m name')
        await until(() => scene.written().includes('copy'))
        note('warning: x')
        return 7
      },
      { clock: ahead() },
    )
    expect(result).toBe(7)
    const frames = scene.written().split('\r\u001b[K')
    const [, first = ''] = frames
    expect(first).toMatch(/^[|/\\-] copy {2}1\.0 KiB of 4\.0 KiB {2}25%/)
    expect(first).toContain('a \\u{1b}[31m name')
    expect(scene.written()).toContain('\r\u001b[Kwarning: x\n')
    // What is left on the screen: the note alone.
    expect(frames.at(-1)).not.toContain('copy')
  })

  test.each([
    ['a pipe', terminalOf(false), {}],
    ['a dumb terminal', terminalOf(true, { TERM: 'dumb' }), {}],
    ['what writes to the terminal itself', terminalOf(true), { silent: true }],
    ['what is over at once', terminalOf(true), { clock: { monotonicMs: () => 0 } }],
  ])('shows nothing in %s', async (_, scene, options) => {
    await withProgress(scene.context, 'copy', async ({ io }) => io.progress(1, 2), options)
    expect(scene.written()).toBe('')
  })

  test('ends at the first signal, with what to do next', async () => {
    const scene = terminalOf(false)
    const working = withProgress(
      scene.context,
      'copy',
      async ({ io }) => {
        scene.interrupt()
        await until(() => io.signal.aborted)
        throw new BkpError('storage.failed', 'an echo')
      },
      { interruptedHint: 'run it again' },
    )
    await expect(working).rejects.toMatchObject({
      code: 'step.cancelled',
      exit: 130,
      hint: 'run it again',
    })
    expect(scene.left).toEqual([])
    // Nobody attends any more.
    scene.interrupt()
    expect(scene.left).toEqual([130])
  })

  test('throws what the work throws', async () => {
    const scene = terminalOf(false)
    const failing = withProgress(scene.context, 'copy', async () => {
      throw new BkpError('storage.failed', 'full')
    })
    await expect(failing).rejects.toMatchObject({ code: 'storage.failed' })
  })
})
