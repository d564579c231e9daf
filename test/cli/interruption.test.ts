import { beforeEach, describe, expect, test } from 'vitest'
import { type Interruptions, listenForInterrupts } from '../../src/cli/interruption.ts'

let signal: () => void
let left: number[]
let interruptions: Interruptions

beforeEach(() => {
  left = []
  const onInterrupt = (callback: () => void) => {
    signal = callback
    return { stop: () => {} }
  }
  interruptions = listenForInterrupts({ onInterrupt }, status => left.push(status))
})

describe('a signal', () => {
  test('leaves at once where nobody has anything to put right', () => {
    signal()
    expect(left).toEqual([130])
  })

  test('is the matter of whoever attends; the third leaves at once', () => {
    const levels: number[] = []
    interruptions.attend().connect(level => levels.push(level))
    signal()
    signal()
    expect({ levels, left }).toEqual({ levels: [1, 2], left: [] })
    signal()
    expect(left).toEqual([130])
  })

  test('that came before someone connected is told at once', async () => {
    const levels: number[] = []
    const interruption = interruptions.attend()
    interruption.throwIfInterrupted()
    signal()
    interruption.connect(level => levels.push(level))
    await Promise.resolve()
    expect(levels).toEqual([1])
  })

  test('ends what may be given up, and lets nothing more begin', () => {
    const interruption = interruptions.attend()
    signal()
    expect(interruption.signal.aborted).toBe(true)
    expect(interruption.throwIfInterrupted).toThrow(
      expect.objectContaining({ code: 'step.cancelled', exit: 130 }),
    )
  })

  test('is told to nobody who has stopped', () => {
    const levels: number[] = []
    const planning = interruptions.attend()
    planning.connect(level => levels.push(level))
    planning.stop()
    const applying = interruptions.attend()
    signal()
    expect({ levels, left }).toEqual({ levels: [], left: [] })
    applying.stop()
    signal()
    expect(left).toEqual([130])
  })
})
