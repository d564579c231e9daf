import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { processScreen } from '../../../src/report/tree/process-screen.ts'

const show = '\u001b[?25h'
const hide = '\u001b[?25l'

/** A process whose streams keep what they get, and whose signals are written down, not sent. */
function fakeProcess(stderrIsTerminal = true) {
  const stream = (isTTY: boolean) => {
    const written: string[] = []
    return {
      written,
      isTTY,
      columns: 80,
      rows: 24,
      write: (text: string) => {
        written.push(text)
        return true
      },
    }
  }
  const stdout = stream(true)
  const stderr = stream(stderrIsTerminal)
  const sent: string[] = []
  const host = Object.assign(new EventEmitter(), {
    stdout,
    stderr,
    pid: 1,
    kill: (_pid: number, signal: string) => sent.push(signal),
  })
  return { stdout, stderr, sent, host, screen: processScreen(host as unknown as NodeJS.Process) }
}

/** Captures as the tree does: suspending releases the screen. */
function captured(stderrIsTerminal = true) {
  const fake = fakeProcess(stderrIsTerminal)
  const calls: string[] = []
  const watcher = {
    suspend: () => {
      calls.push('suspend')
      fake.screen.release()
    },
    resume: () => {
      calls.push('resume')
      fake.screen.capture(watcher)
    },
    interrupted: () => {
      calls.push('interrupted')
    },
  }
  fake.screen.capture(watcher)
  return { ...fake, calls }
}

test('holds what others write, line by line, and hands on the rest when it lets go', () => {
  const { screen, stdout, stderr } = captured()
  stdout.write('one\ntw')
  stderr.write('')
  expect(screen.caught()).toEqual(['one'])
  stdout.write('o\nthree')
  expect(screen.caught()).toEqual(['two'])
  screen.write('a frame')
  screen.release()
  stdout.write('free again')
  expect(stdout.written).toEqual([hide, 'a frame', `${show}three`, 'free again'])
})

test('what goes to a file is left alone', () => {
  const { stderr } = captured(false)
  stderr.write('a line of a log\n')
  expect(stderr.written).toEqual(['a line of a log\n'])
})

describe('the cursor comes back', () => {
  test('when the process exits, however it came to it', () => {
    const { host, stdout } = captured()
    host.emit('exit', 1)
    expect(stdout.written.at(-1)).toBe(show)
    expect(host.eventNames()).toEqual([])
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('when %s ends it, which it then does', signal => {
    const { host, stdout, sent } = captured()
    host.emit(signal, signal)
    expect(stdout.written.at(-1)).toBe(show)
    expect(sent).toEqual([signal])
  })

  test('but not when the run listens to the signal itself: it goes on, and so does the tree', () => {
    const { host, stdout, sent, calls } = captured()
    host.on('SIGINT', () => {})
    host.emit('SIGINT', 'SIGINT')
    expect(stdout.written).toEqual([hide])
    expect([sent, calls]).toEqual([[], ['interrupted']])
  })

  test('when it is stopped from the keyboard; it is hidden again when it goes on', () => {
    const { host, stdout, sent, calls } = captured()
    host.emit('SIGTSTP', 'SIGTSTP')
    expect([stdout.written.at(-1), sent]).toEqual([show, ['SIGSTOP']])
    host.emit('SIGCONT', 'SIGCONT')
    expect(stdout.written.at(-1)).toBe(hide)
    expect(calls).toEqual(['suspend', 'resume'])
  })

  test('for a question, and for two at once until both are answered', async () => {
    const { screen, stdout, calls } = captured()
    let answer = (): void => {}
    const asking = screen.aside(
      () =>
        new Promise<void>(resolve => {
          answer = resolve
        }),
    )
    await screen.aside(async () => {
      stdout.write('Go on? ')
      expect(stdout.written.slice(-2)).toEqual([show, 'Go on? '])
    })
    expect(calls).toEqual(['suspend'])
    answer()
    await asking
    expect(calls).toEqual(['suspend', 'resume'])
    expect(stdout.written.at(-1)).toBe(hide)
  })
})
