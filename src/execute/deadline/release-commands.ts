import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { Secret } from '../../base/secret.ts'
import type { Command } from '../../connection/contract.ts'
import type { DeadlineRequest } from '../../engine/protocol.ts'
import type { PerformRequest } from '../driver.ts'
import type { Environment } from '../environment.ts'
import { type Look, look } from '../look.ts'
import { workedOn } from '../manner.ts'
import { createOverlay } from '../overlay.ts'

/**
 * What the release of a step will run, told before the step itself runs: the release is planned over
 * what its host looks like then, as the step foretells it. @throws deadline.impossible, and what looking
 * throws
 */
export async function releaseCommands(
  environment: Environment,
  request: PerformRequest,
  deadline: DeadlineRequest,
  step: Look,
  io: Io,
): Promise<readonly Command[]> {
  const overlay = createOverlay()
  const host = workedOn(request)
  overlay.record({ host, resources: step.resources, after: step.after, opaque: false })
  const commands: Command[] = []
  for (const args of deadline.calls) {
    const { deadline: _own, become: _itsOwn, ...rest } = request
    const ref = { ...request.ref, module: deadline.module }
    const become = new Map(deadline.become === undefined ? [] : [[host, deadline.become]])
    const { decision } = await look(environment, { ...rest, become, ref, args }, io, overlay)
    if (decision.kind === 'unchanged') throw impossible('as foretold, it would change nothing')
    for (const change of decision.changes) {
      if (change.commands === undefined) {
        throw impossible(`${deadline.module} does more than commands can say`)
      }
      commands.push(...change.commands)
    }
  }
  if (commands.length === 0) throw impossible('its condition is false now')
  for (const { stdin } of commands) {
    const isWhole = stdin === undefined || stdin instanceof Uint8Array || stdin instanceof Secret
    if (!isWhole) throw impossible('a command of it reads a stream')
  }
  return commands
}

function impossible(why: string): BkpError {
  const message = `the release cannot be handed to a watchdog before the step runs: ${why}`
  return new BkpError('deadline.impossible', message, {
    hint: 'release with command or shell, without guards and conditions, or leave the deadline out',
  })
}
