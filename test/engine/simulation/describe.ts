import { stringify } from 'yaml'
import type { Input, Request } from '../../../src/engine/protocol.ts'
import type { StepRef } from '../../../src/events/events.ts'
import type { Failure } from './check.ts'
import type { Entry } from './live.ts'
import { type Script, stepText } from './script.ts'

/** A failure for whoever looks for its cause: what broke, the runbook, the trace. */
export function describeFailure({ seed, script, lives, violation }: Failure): string {
  const traces = lives.map((life, index) => [
    `--- life ${index + 1}${life.died ? ' (killed)' : ''}`,
    ...life.log.flatMap(describeEntry),
  ])
  return [
    `seed ${seed}: ${violation.message}`,
    '',
    `hosts: ${script.hosts.join(', ')}`,
    describeScript(script),
    ...traces.flat(),
    '',
  ].join('\n')
}

/** The runbook, nearly as a playbook has it. */
function describeScript(script: Script): string {
  return stringify(
    script.plays.map(steps => ({ hosts: 'all', tasks: steps.map(stepText) })),
    { lineWidth: 0 },
  )
}

/** What says little beside the requests and their answers. */
const untold: ReadonlySet<string> = new Set(['play.started', 'task.started', 'step.finished'])

function describeEntry(entry: Entry): readonly string[] {
  if (entry.kind === 'request') return [`  ${describeRequest(entry.request)}`]
  if (entry.kind === 'input') return [`> ${describeInput(entry.input)}`]
  const { event } = entry
  if (untold.has(event.event)) return []
  if (event.event === 'owed') return [`    owes the ${event.kind} of ${placeOf(event)}`]
  if (event.event === 'settled') {
    return [`    ${event.outcome}: the ${event.kind} of ${event.settles} on ${hostsOf(event)}`]
  }
  const { event: name, ...rest } = event
  return [`    ${name} ${JSON.stringify(rest)}`]
}

function describeRequest(request: Request): string {
  if (request.kind === 'confirm') return `#${request.id} asks the question of ${request.step}`
  return `#${request.id} ${placeOf(request.ref)} ${JSON.stringify(request.args)}`
}

function describeInput(input: Input): string {
  switch (input.kind) {
    case 'start':
      return 'start'
    case 'cancel':
      return `signal ${input.level}`
    case 'confirmed':
      return `#${input.id} ${input.granted ? 'granted' : 'denied'}`
    case 'performed': {
      const { status, replayed, notBegun, blame, result } = input.outcome
      const notes = [
        ...(replayed ? ['replayed'] : []),
        ...(notBegun ? ['not begun'] : []),
        ...(blame === undefined ? [] : [`by ${blame}`]),
      ]
      return `#${input.id} ${status} ${JSON.stringify(result)} ${notes.join(', ')}`.trimEnd()
    }
  }
}

function placeOf(ref: StepRef): string {
  const item = ref.item === undefined ? '' : ` [${ref.item.index}] ${ref.item.label}`
  return `${ref.step}${item} on ${hostsOf(ref)}`
}

function hostsOf(ref: StepRef): string {
  return (ref.hosts ?? [ref.host]).join('+')
}
