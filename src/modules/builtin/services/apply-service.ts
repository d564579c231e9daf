import { type Clock, systemClock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host, Probe } from '../../../connection/contract.ts'
import type { ServiceFacts } from '../../../connection/probes.ts'
import { defaultApply } from '../../apply-commands.ts'
import type { Change } from '../../contract.ts'
import { type ServiceArguments, type ServiceResult, serviceResult } from './plan-service.ts'

/**
 * How long a service may be on its way once its manager says that it is done: systemd's own limit
 * (DefaultTimeoutStartSec), and less for scripts, which have started or stopped it by then.
 */
const settleMs = { systemd: 90_000, openrc: 15_000, sysvinit: 15_000 } as const
const firstPollMs = 50
const longestPollMs = 1000

type Verdict = 'reached' | 'missed' | 'wait'

/** Whether the service is where it was to go. */
export function verdictOn(state: ServiceArguments['state'], facts: ServiceFacts): Verdict {
  const { active, manager, properties } = facts
  const isDown = active === 'inactive' || active === 'failed'
  // A script that does not tell is believed.
  if (state === undefined || active === 'unknown') return 'reached'
  if (state === 'stopped') return isDown ? 'reached' : 'wait'
  if (active === 'active') return 'reached'
  if (manager !== 'systemd' || active === 'changing') return 'wait'
  // A oneshot unit has done its work and is inactive again.
  const { Type: type, Result: result } = properties
  return active === 'inactive' && type === 'oneshot' && result === 'success' ? 'reached' : 'missed'
}

function notReached(args: ServiceArguments, facts: ServiceFacts): BkpError {
  const { ActiveState: state, SubState: sub, Result: result } = facts.properties
  const seen =
    state === undefined ? facts.active : `${state} (${sub ?? ''}, result ${result ?? ''})`
  const wanted = args.state === 'stopped' ? 'stop' : 'come up'
  return new BkpError('step.failed', `${args.name} did not ${wanted}: it is ${seen}`, {
    hint:
      facts.manager === 'systemd'
        ? `journalctl -u ${args.name} on the host says why`
        : 'its own log on the host says why',
    details: { result: serviceResult(args, facts) },
  })
}

/** Runs the planned commands, and waits until the state is really there. @throws step.failed, command.failed, ssh.* */
export async function applyService(
  host: Host,
  input: {
    readonly args: ServiceArguments
    readonly changes: readonly Change[]
    readonly probe: Probe<ServiceFacts>
  },
  io: Io,
  clock: Clock = systemClock,
): Promise<ServiceResult> {
  const { args, probe } = input
  await defaultApply(host, input, io)
  const startedMs = clock.monotonicMs()
  for (let pauseMs = firstPollMs; ; pauseMs = Math.min(2 * pauseMs, longestPollMs)) {
    const { service } = await host.ask({ service: probe }, io)
    const verdict = verdictOn(args.state, service)
    if (verdict === 'reached') return serviceResult(args, service)
    const limitMs = settleMs[service.manager ?? 'systemd']
    if (verdict === 'missed' || clock.monotonicMs() - startedMs >= limitMs) {
      throw notReached(args, service)
    }
    await clock.sleep(pauseMs, io.signal)
  }
}
