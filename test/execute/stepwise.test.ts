import { describe, expect, it } from 'vitest'
import type { EngineEvent, RunEvent } from '../../src/events/events.ts'
import { readRecording } from '../../src/execute/recording.ts'
import { createStepwiseAnswers } from '../../src/execute/stepwise.ts'

const started = (step: string): EngineEvent => ({
  event: 'task.started',
  step,
  name: step,
  module: 'debug',
})
const asked = (step: string): EngineEvent => ({
  event: 'confirm.asked',
  step,
  question: `Perform task: ${step}`,
  stepwise: true,
})
const answered = (step: string, granted: boolean): EngineEvent => ({
  event: 'confirm.answered',
  step,
  granted,
})
const journal = (...events: readonly EngineEvent[]): readonly RunEvent[] =>
  events.map((event, index) => ({ seq: index + 1, time: '', run: 'r', ...event }) as RunEvent)

function answersOf(...events: readonly EngineEvent[]) {
  const answers = createStepwiseAnswers()
  for (const event of journal(...events)) answers.observe(event)
  return answers.answer
}

describe('answers to --step in a journal', () => {
  it('are what was said', () => {
    const answer = answersOf(
      ...[started('/a'), asked('/a'), answered('/a', true)],
      ...[started('/b'), asked('/b'), answered('/b', false)],
    )
    expect([answer('/a'), answer('/b'), answer('/c')]).toEqual([true, false, undefined])
  })

  it('are all for what was done without a question', () => {
    const answer = answersOf(started('/a'), asked('/a'), answered('/a', true), started('/b'))
    expect([answer('/a'), answer('/b')]).toEqual([true, 'all'])
  })

  it('are missing where the run was cut off, or cancelled, at the question', () => {
    expect(answersOf(started('/a'), asked('/a'))('/a')).toBeUndefined()
    const cancelled: EngineEvent = { event: 'run.cancelled', level: 1 }
    expect(answersOf(started('/a'), asked('/a'), cancelled, answered('/a', false))('/a')).toBe(
      undefined,
    )
  })

  it('leave the questions of destructive tasks to others', () => {
    const own: EngineEvent = { event: 'confirm.asked', step: '/a', question: 'Really?' }
    const events = [started('/a'), asked('/a'), answered('/a', true), own, answered('/a', true)]
    const recording = readRecording(journal(...events), () => new Set())
    expect(recording.granted('/a', 'Really?')).toBe(true)
    expect(recording.stepwise('/a')).toBe(true)
  })

  it('do not cancel the run where they say no: what ran before it is gone through', () => {
    const events = [
      started('/0/tasks/0'),
      started('/0/tasks/1'),
      asked('/0/tasks/1'),
      answered('/0/tasks/1', false),
    ]
    const recording = readRecording(journal(...events), () => new Set())
    expect(recording.granted('/0/tasks/1', 'Perform task: /0/tasks/1')).toBe(false)
    expect(recording.stepwise('/0/tasks/1')).toBe(false)
  })
})
