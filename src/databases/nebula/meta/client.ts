import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { parseDuration } from '../../../base/units.ts'
import type { BackupMeta, Generation, MetaClient } from '../contract.ts'
import { backupCodecs } from '../generations/backup-forms.ts'
import { alreadyGone, alreadyThere, noSuchSpace } from '../generations/codes.ts'
import { writeMethods } from '../generations/methods.ts'
import { isMajor2 } from '../generations/versions.ts'
import { callMs, outcomeUnknown, thrownBy } from './ask.ts'
import { anyGenerationOf } from './detect.ts'
import { type Metad, peerName } from './metads.ts'
import { readingCalls, spaceNotFound } from './reader.ts'
import { refusal } from './refusals.ts'
import type { MetaSession } from './session.ts'

/** Milliseconds for createBackup and createSnapshot where nothing is said (specs/nebula.md §6). */
const createMs = 30 * 60_000
/** Milliseconds for dropSnapshot and restoreMeta: the metad asks every storaged, or reads all files. */
const slowMs = 10 * 60_000

/** What metads are asked and told; nGQL is graphd's. */
export type MetadClient = Omit<MetaClient, 'graph'>

/** The reading calls and those that change the cluster. */
export function writingCalls(session: MetaSession): MetadClient {
  const reader = readingCalls(session)

  function createLimit(timeoutMs: number | undefined): number {
    const { create_timeout: setting } = session.settings
    return timeoutMs ?? (setting === undefined ? createMs : parseDuration(setting))
  }

  const createBackup: MetaClient['createBackup'] = async ({ spaces, timeoutMs }, io) => {
    // For 2.x a list that is empty is not all spaces; for 3.x it is (specs §1.5): it is never sent.
    if (spaces?.length === 0) {
      throw new BkpError('schema.invalid', 'a backup of no space was asked for', {
        hint: 'leave "spaces" out to back up all',
      })
    }
    const generation = await session.generation(io)
    const how = { timeoutMs: createLimit(timeoutMs), kind: 'once', generation } as const
    const method = writeMethods.createBackup[generation]
    const request = spaces === undefined ? {} : { spaces }
    const { response, code, metad } = await session.leader.ask(method, request, how, io)
    if (code !== 0) {
      const failure = refusal(
        { metad, call: method.name, code, generation },
        'nebula.backup_failed',
      )
      throw noSuchSpace(generation).includes(code)
        ? await namingSpaces(failure, spaces, io)
        : failure
    }
    return { meta: created(response.meta, generation, metad), answeredBy: metad.address }
  }

  /** Which of the spaces there is not, when that can be told. */
  async function namingSpaces(
    failure: BkpError,
    wanted: readonly string[] | undefined,
    io: Io,
  ): Promise<BkpError> {
    const spaces = await reader.listSpaces(io).catch(() => undefined)
    const missing = wanted?.find(name => spaces?.every(space => space.name !== name) === true)
    return spaces === undefined || missing === undefined ? failure : spaceNotFound(missing, spaces)
  }

  const createSnapshot: MetaClient['createSnapshot'] = async ({ timeoutMs }, io) => {
    const generation = await session.generation(io)
    const how = { timeoutMs: createLimit(timeoutMs), kind: 'once', generation } as const
    const method = writeMethods.createSnapshot
    const { code, metad } = await session.leader.ask(method, {}, how, io)
    if (code === 0) return
    throw refusal({ metad, call: method.name, code, generation }, 'nebula.backup_failed')
  }

  const dropSnapshot: MetaClient['dropSnapshot'] = async (name, io) => {
    const generation = await session.generation(io)
    const how = { timeoutMs: slowMs, kind: 'repeat', generation } as const
    // 3.0 to 3.3 answer that it is done, whether there was such a snapshot or not (specs §1.5).
    const tells = isMajor2(generation)
    const isListed =
      tells || (await reader.listSnapshots(io)).some(snapshot => snapshot.name === name)
    const { code, metad } =
      generation === '3.3'
        ? await session.leader.ask(writeMethods.dropSnapshot, { names: [name] }, how, io)
        : await session.leader.ask(writeMethods.dropSnapshotUntil32, { name }, how, io)
    if (code === 0) return isListed ? 'dropped' : 'absent'
    if (alreadyGone(generation).includes(code)) return 'absent'
    throw refusal({ metad, call: 'dropSnapshot', code, generation })
  }

  const addHost: MetaClient['addHost'] = async (storaged, io) => {
    const generation = await session.generation(io)
    if (isMajor2(generation)) return 'known'
    const how = { timeoutMs: callMs, kind: 'repeat', generation } as const
    const request = { hosts: [storaged] }
    const { code, metad } = await session.leader.ask(writeMethods.addHosts, request, how, io)
    if (code === 0) return 'added'
    if (code === alreadyThere) return 'known'
    throw refusal({ metad, call: 'addHosts', code, generation })
  }

  const restoreMeta: MetaClient['restoreMeta'] = async (address, { files, hosts }, io) => {
    const family = await session.family(address, io)
    const generation = anyGenerationOf(family)
    const method = family === '3.x' ? writeMethods.restoreMeta : writeMethods.restoreMetaUntil32
    const request = {
      files,
      hosts: hosts.map(({ from, to }) => ({ fromHost: from, toHost: to })),
    }
    const { outcome, metad } = await session.askOne(
      address,
      method as typeof writeMethods.restoreMeta,
      request,
      { timeoutMs: slowMs, kind: 'once' },
      io,
    )
    if (outcome.kind === 'exception') {
      const error = thrownBy(metad, method.name, outcome)
      throw error.code === 'nebula.version' ? error : outcomeUnknown(metad, method.name, error)
    }
    const code = outcome.value.success?.code
    if (code === 0) return
    if (code === undefined) {
      const why = new BkpError('nebula.protocol', `${peerName(metad)} answered without a code`)
      throw outcomeUnknown(metad, method.name, why)
    }
    throw refusal({ metad, call: method.name, code, generation })
  }

  return Object.freeze({
    ...reader,
    createBackup,
    createSnapshot,
    dropSnapshot,
    addHost,
    restoreMeta,
  } satisfies MetadClient)
}

/** A backup that is made but not understood must be dropped: its outcome is what is not known. */
function created(value: unknown, generation: Generation, metad: Metad): BackupMeta {
  const missing = new BkpError('nebula.protocol', `${peerName(metad)} says nothing of the backup`)
  if (value === undefined) throw outcomeUnknown(metad, 'createBackup', missing)
  try {
    return backupCodecs[generation].neutral(value)
  } catch (error) {
    if (error instanceof BkpError) throw outcomeUnknown(metad, 'createBackup', error)
    throw error
  }
}
