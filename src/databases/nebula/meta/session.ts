import type { Io } from '../../../base/io.ts'
import type { ClusterAccess } from '../../contract.ts'
import type { Generation, ServiceAddress } from '../contract.ts'
import type { MetaMethod } from '../generations/methods.ts'
import type { NebulaSettings } from '../settings.ts'
import { type Answer, askOne, callMs, type Manner } from './ask.ts'
import { type Detected, detect, type Family, familyOf } from './detect.ts'
import { type Leader, leaderOf } from './leader.ts'
import { type FindInstances, metadsOf } from './metads.ts'

/** What the calls of one client share. */
export interface MetaSession {
  readonly settings: NebulaSettings
  readonly leader: Leader
  /** Asked once; a failure is not kept. */
  detected(io: Io): Promise<Detected>
  generation(io: Io): Promise<Generation>
  /** Of that metad alone; needs no leader. */
  family(metad: ServiceAddress, io: Io): Promise<Family>
  askOne<Request, Response>(
    metad: ServiceAddress,
    method: MetaMethod<Request, Response>,
    req: Request,
    manner: Manner,
    io: Io,
  ): Promise<Answer<Response>>
  close(): void
}

export function metaSession(access: ClusterAccess, findInstances: FindInstances): MetaSession {
  const { clock } = access
  const settings = access.settings as NebulaSettings
  const metads = metadsOf(access, findInstances)
  const leader = leaderOf(metads, clock)
  let asked: Promise<Detected> | undefined

  async function detected(io: Io): Promise<Detected> {
    asked ??= detect(metads, clock, leader, settings.version, io)
    const ours = asked
    try {
      return await ours
    } catch (error) {
      if (asked === ours) asked = undefined
      throw error
    }
  }

  return Object.freeze({
    settings,
    leader,
    detected,
    generation: async io => (await detected(io)).generation,
    family: async (metad, io) => await familyOf(metads, clock, await metads.find(metad, io), io),
    askOne: async (metad, method, req, manner, io) =>
      await askOne(metads, clock, await metads.find(metad, io), method, req, manner, io),
    close: () => metads.close(),
  } satisfies MetaSession)
}

/** How reads are made. */
export const reading = Object.freeze({ timeoutMs: callMs, kind: 'read' } as const)
