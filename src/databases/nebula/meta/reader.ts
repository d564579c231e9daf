import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { didYouMean } from '../../../base/text.ts'
import type { Generation, MetaReader, Space } from '../contract.ts'
import { noSuchSpace } from '../generations/codes.ts'
import { type MetaMethod, readMethods } from '../generations/methods.ts'
import { readSpaceDescription } from '../generations/spaces.ts'
import { isMajor2 } from '../generations/versions.ts'
import { unknownMethod } from '../thrift/messages.ts'
import { thrownBy } from './ask.ts'
import { anyGenerationOf } from './detect.ts'
import { type Led, loadingCodes } from './leader.ts'
import { type Metad, peerName } from './metads.ts'
import {
  readCluster21,
  readCluster30,
  readDirectories,
  readHost,
  readSnapshot,
  readSpace,
  readSpaceId,
} from './neutral.ts'
import { refusal } from './refusals.ts'
import { type MetaSession, reading } from './session.ts'

const hostTypes = { alloc: 0, graph: 1, meta: 2, storage: 3, listener: 5 } as const

/** What metads are asked; nGQL is graphd's. */
export type MetadReader = Omit<MetaReader, 'graph'>

/** The reading calls. There is none here that writes: it imports no method that does. */
export function readingCalls(session: MetaSession): MetadReader {
  /** Asks the leader; anything but success is an error. */
  async function read<Request, Response extends Led>(
    method: MetaMethod<Request, Response>,
    req: Request,
    io: Io,
  ): Promise<{
    readonly response: Response
    readonly generation: Generation
    readonly metad: Metad
  }> {
    const generation = await session.generation(io)
    const how = { ...reading, generation, passing: loadingCodes(generation) }
    const { response, code, metad } = await session.leader.ask(method, req, how, io)
    if (code !== 0) throw refusal({ metad, call: method.name, code, generation })
    return { response, generation, metad }
  }

  async function listSpaces(io: Io): Promise<readonly Space[]> {
    const { response } = await read(readMethods.listSpaces, {}, io)
    return (response.spaces ?? []).map(readSpace)
  }

  const getSpace: MetaReader['getSpace'] = async (name, io) => {
    const generation = await session.generation(io)
    const method = isMajor2(generation) ? readMethods.getSpaceUntil26 : readMethods.getSpace
    const how = { ...reading, generation }
    const { response, code, metad } = await session.leader.ask(
      method as typeof readMethods.getSpace,
      { spaceName: name },
      how,
      io,
    )
    if (noSuchSpace(generation).includes(code)) {
      throw spaceNotFound(name, await listSpaces(io))
    }
    if (code !== 0) throw refusal({ metad, call: method.name, code, generation })
    const { item } = response
    return {
      id: readSpaceId(item?.spaceId),
      description: readSpaceDescription(item?.properties),
    }
  }

  return Object.freeze({
    version: io => session.detected(io),
    leader: async io => (await read(readMethods.listSpaces, {}, io)).metad.address,
    listHosts: async (type, io) => {
      const { response, generation } = await read(
        readMethods.listHosts,
        { type: hostTypes[type] },
        io,
      )
      return (response.hosts ?? []).map(host => readHost(host, generation))
    },
    listSpaces,
    getSpace,
    listSnapshots: async io => {
      const { response } = await read(readMethods.listSnapshots, {}, io)
      return (response.snapshots ?? []).map(readSnapshot)
    },
    listCluster: async io => {
      const generation = await session.generation(io)
      if (generation === '2.0') return undefined
      if (generation === '2.1') {
        return readCluster21((await read(readMethods.listClusterUntil26, {}, io)).response)
      }
      return readCluster30((await read(readMethods.listCluster, {}, io)).response, generation)
    },
    metaDirectories: async (address, io) => {
      const { getMetaDirInfo } = readMethods
      const { outcome, metad } = await session.askOne(address, getMetaDirInfo, {}, reading, io)
      if (outcome.kind === 'exception') {
        if (outcome.type === unknownMethod) return undefined
        throw thrownBy(metad, getMetaDirInfo.name, outcome)
      }
      const { code, dir } = outcome.value.success ?? {}
      if (code !== 0 && code !== undefined) {
        const generation = anyGenerationOf(await session.family(address, io))
        throw refusal({ metad, call: getMetaDirInfo.name, code, generation })
      }
      if (code === undefined || dir === undefined) {
        throw new BkpError('nebula.protocol', `${peerName(metad)} does not say where its data is`)
      }
      return readDirectories(dir)
    },
    close: async () => session.close(),
  } satisfies MetadReader)
}

/** With the names that there are. */
export function spaceNotFound(name: string, spaces: readonly Space[]): BkpError {
  const names = spaces.map(space => space.name)
  const listed = names.length === 0 ? 'there is no space at all' : `there are: ${names.join(', ')}`
  return new BkpError('nebula.space_not_found', `NebulaGraph has no space "${name}"`, {
    hint: didYouMean(name, names) ?? listed,
    details: { space: name },
  })
}
