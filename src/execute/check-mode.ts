import type { Io } from '../base/io.ts'
import type { Outcome } from '../engine/protocol.ts'
import { hasUnknown } from '../expression/unknown.ts'
import type { Performer, PerformRequest, Teller } from './driver.ts'
import type { Environment } from './environment.ts'
import { reachesUnknown, seesUnknown } from './manner.ts'
import { createPlanner, type Planner } from './plan.ts'

/**
 * A dry run in which steps with `check_mode: false` are done. One whose arguments depend on what is only
 * foretold cannot be.
 */
export function createDryRunner(planner: Planner, applier: Performer): Performer {
  return Object.freeze({
    confirm: planner.confirm,
    perform: async (request, io, tell) => {
      const isClear = !hasUnknown(request.args) && !reachesUnknown(request) && !seesUnknown(request)
      const isReal = request.checkMode === false && isClear && !request.mayBeSkipped
      return await (isReal ? applier : planner).perform(request, io, tell)
    },
  } satisfies Performer)
}

/**
 * A step with `check_mode: true` in a run that applies: how it would go, from how things are now. What
 * would be known only afterwards is not part of its result, and nothing is owed for it.
 */
export async function predictStep(
  environment: Environment,
  request: PerformRequest,
  io: Io,
  tell: Teller,
): Promise<Outcome> {
  const outcome = await createPlanner(environment).perform(request, io, tell)
  const { certainty: _, ...rest } = outcome
  const known = Object.entries(outcome.result).filter(([, value]) => !hasUnknown(value))
  return { ...rest, result: Object.fromEntries(known), notBegun: true }
}
