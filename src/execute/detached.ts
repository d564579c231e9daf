import type { RandomBytes } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { Outcome } from '../engine/protocol.ts'
import { newJobId } from '../modules/builtin/running/jobs.ts'
import type { PerformRequest } from './driver.ts'
import type { Environment } from './environment.ts'
import type { Look } from './look.ts'
import { mannerOn, workedOn } from './manner.ts'

/** True for a step that is started and not waited for: `async` with `poll: 0`. */
export function isDetached({ async: detached }: Pick<PerformRequest, 'async'>): boolean {
  return detached?.poll === 0
}

/** Starts a step and leaves it running on its host. @throws what the module throws */
export async function detach(
  environment: Environment,
  request: PerformRequest,
  { loaded, args, given, decision }: Look,
  io: Io,
): Promise<Outcome['result']> {
  const name = workedOn(request)
  if (loaded.scope !== 'host' || loaded.module.detach === undefined) {
    throw new BkpError('step.failed', `${request.ref.module} cannot be left running on its host`, {
      hint: 'see async: command, shell and script can; or leave poll: 0 out',
    })
  }
  const { seconds = 0 } = request.async ?? {}
  const { local, variables } = given
  const unrun = decision.kind === 'unchanged' ? (decision.message ?? '') : undefined
  const started = await loaded.module.detach(
    environment.host(name, mannerOn(request, name)),
    {
      args,
      seconds,
      ...(local === undefined ? {} : { local }),
      ...(variables === undefined ? {} : { variables }),
      ...(unrun === undefined ? {} : { unrun }),
    },
    io,
  )
  return { ...started }
}

/** A step with `async` that was waited for is over as a job: its result says so. */
export function withJob(request: PerformRequest, outcome: Outcome, random: RandomBytes): Outcome {
  if (request.async === undefined || isDetached(request) || outcome.notBegun) return outcome
  const job = { started: true, finished: true, ansible_job_id: newJobId(random) }
  return { ...outcome, result: { ...job, ...outcome.result } }
}
