import type { Clock } from '../../../base/clock.ts'
import type { Io } from '../../../base/io.ts'
import { formatBytes, formatDuration } from '../../../base/units.ts'
import type { Probes, ReadOnlyHost } from '../../../connection/contract.ts'
import {
  freeSpace,
  type ListeningPort,
  listeningPorts,
  type OutputFacts,
  output,
  type SpaceFacts,
} from '../../../connection/probes.ts'
import { adminAddress, isLiteral } from '../../../databases/nebula/addresses.ts'
import { addressText, type ServiceAddress } from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { spacesFolder } from '../../../databases/nebula/layout.ts'
import { type FolderFacts, folderFaults, lookAtFolders, readFolders } from './check-folders.ts'
import type { Fault, Findings } from './fault.ts'
import { toTell } from './fault.ts'

/** What the check asks of a host. */
export interface HostRequest {
  readonly instances: readonly Instance[]
  /** Whom the services run as, where the inventory says so. */
  readonly serviceUser?: string
  /** Free bytes that a data path needs for each byte it holds. */
  readonly spaceFactor: number
  readonly needsGraphd: boolean
}

/** A host's part of the check, and the bytes its data paths hold. */
export type HostFindings = Findings & { readonly dataBytes: number }

const clockWarningMs = 5000
const clockFaultMs = 60_000
/** A checkpoint is a few thousand links at most. */
const leastInodes = 1000

/** Looks at one host, in one round trip. @throws ssh.* */
export async function checkHost(
  host: ReadOnlyHost,
  request: HostRequest,
  clock: Clock,
  io: Io,
): Promise<HostFindings> {
  const { instances, serviceUser } = request
  const folders = [
    ...new Set(
      instances.flatMap(({ dataDirs, walDir }) => [
        ...dataDirs,
        ...(walDir === undefined ? [] : [walDir]),
      ]),
    ),
  ]
  const probes: Probes = {
    clock: output('date', '+%s'),
    ports: listeningPorts(),
    ...(serviceUser === undefined ? {} : { groups: output('id', '-Gn', serviceUser) }),
    ...Object.fromEntries(
      folders.flatMap(folder => [
        [`look:${folder}`, lookAtFolders(folder)],
        [`space:${folder}`, freeSpace(folder)],
        [`inodes:${folder}`, output('df', '-P', '-i', folder)],
        [`size:${folder}`, output('du', '-s', '-k', spacesFolder(folder))],
      ]),
    ),
  }
  const before = clock.now().getTime()
  const answers = await host.ask(probes, io)
  const after = clock.now().getTime()
  // Answers are of the probes above; the record of them has lost their types.
  const outputOf = (name: string) => answers[name] as OutputFacts
  const seen = folders.map(folder => ({
    folder,
    facts: readFolders(outputOf(`look:${folder}`)),
    space: answers[`space:${folder}`] as SpaceFacts,
    freeInodes: readFreeInodes(outputOf(`inodes:${folder}`)),
    bytes: readSize(outputOf(`size:${folder}`)),
  }))
  const groups = serviceUser === undefined ? undefined : outputOf('groups')
  const time = clockFindings(host.name, outputOf('clock'), before, after)
  const ports = portFindings(request, answers['ports'] as readonly ListeningPort[])
  return {
    faults: [
      ...time.faults,
      ...ports.faults,
      ...userFaults(serviceUser, groups),
      ...seen.flatMap(each => folderFindings(each, request, groups)),
    ].map(fault => ({ host: host.name, ...fault })),
    warnings: [...time.warnings, ...ports.warnings].map(each => `${host.name}: ${each}`),
    dataBytes: seen.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

/** As `checkHost`, with a host that does not answer as a fault. */
export async function checkHostOrTell(
  host: ReadOnlyHost,
  request: HostRequest,
  clock: Clock,
  io: Io,
): Promise<HostFindings> {
  try {
    return await checkHost(host, request, clock, io)
  } catch (thrown) {
    const { message, hint } = toTell(thrown, io)
    const fault = { host: host.name, what: message, hint: hint ?? 'see that the host answers' }
    return { faults: [fault], warnings: [], dataBytes: 0 }
  }
}

interface Seen {
  readonly folder: string
  readonly facts: FolderFacts
  readonly space: SpaceFacts
  readonly freeInodes: number | undefined
  readonly bytes: number
}

function folderFindings(
  { folder, facts, space, freeInodes, bytes }: Seen,
  { spaceFactor, serviceUser }: HostRequest,
  groups: OutputFacts | undefined,
): readonly Fault[] {
  if (!facts.exists) {
    const hint = 'correct --data_path, or data_dirs under instances; is its disk mounted?'
    return [{ what: `${folder} is not there`, hint }]
  }
  const needed = Math.ceil(bytes * spaceFactor)
  return [
    ...folderFaults(facts, serviceUser, groups?.code === 0 ? groups.stdout.split(/\s+/) : []),
    ...(space.mountedReadOnly
      ? [{ what: `${space.mountPoint} is mounted read-only`, hint: 'look at the disk of the host' }]
      : []),
    ...(space.availableBytes >= needed
      ? []
      : [
          {
            what: `${space.mountPoint} has ${formatBytes(space.availableBytes)} free, and ${folder} should have ${formatBytes(needed)}: a checkpoint keeps what is compacted meanwhile`,
            hint: 'make room, or lower backup_space_factor',
          },
        ]),
    ...(freeInodes === undefined || freeInodes >= leastInodes
      ? []
      : [
          {
            what: `${space.mountPoint} has ${freeInodes} inodes left: checkpoints are many links`,
            hint: 'remove files that nobody needs: nebula.snapshots shows old checkpoints',
          },
        ]),
  ]
}

function userFaults(user: string | undefined, groups: OutputFacts | undefined): readonly Fault[] {
  if (user === undefined || groups?.code === 0) return []
  return [{ what: `there is no user ${user}`, hint: 'correct service_user of the cluster' }]
}

function clockFindings(
  name: string,
  { stdout }: OutputFacts,
  before: number,
  after: number,
): Findings {
  const seconds = Number(stdout.trim())
  if (!Number.isSafeInteger(seconds) || seconds <= 0) {
    return { faults: [], warnings: [`${name} does not tell the time`] }
  }
  const host = seconds * 1000
  // `date` leaves out the fraction.
  const offMs = host > after ? host - after : Math.max(0, before - 1000 - host)
  const text = `its clock is ${formatDuration(offMs)} ${host > after ? 'ahead of' : 'behind'} this machine's`
  if (offMs > clockFaultMs) {
    return {
      faults: [{ what: text, hint: 'let all hosts have their time from one place' }],
      warnings: [],
    }
  }
  return { faults: [], warnings: offMs > clockWarningMs ? [text] : [] }
}

function portFindings(
  { instances, needsGraphd }: HostRequest,
  ports: readonly ListeningPort[],
): Findings {
  const faults: Fault[] = []
  const warnings: string[] = []
  for (const instance of instances) {
    const { role, address, dial } = instance
    const name = `${role} ${addressText(address)}`
    if (!isOpen(dial, ports)) {
      const what = `nothing listens on ${addressText(dial)}, where ${name} should`
      if (role === 'graphd' && !needsGraphd) warnings.push(what)
      else faults.push({ what, hint: 'start it, or correct its port in the inventory' })
    } else if (role === 'storaged' && !isOpen(adminAddress(dial), ports)) {
      faults.push({
        what: `nothing listens on ${addressText(adminAddress(dial))}, the admin port of ${name}`,
        hint: 'metad asks there for checkpoints: createBackup fails with E_RPC_FAILURE without it; publish that port, too',
      })
    }
  }
  return { faults, warnings }
}

function isOpen({ host, port }: ServiceAddress, ports: readonly ListeningPort[]): boolean {
  return ports.some(
    each =>
      each.port === port &&
      (!isLiteral(host) ||
        each.address === '0.0.0.0' ||
        each.address === '::' ||
        each.address === host),
  )
}

/** Undefined of file systems that have no fixed number of them. */
function readFreeInodes({ code, stdout }: OutputFacts): number | undefined {
  const [, total, free] =
    /\s(\d+)\s+\d+\s+(\d+)\s+(?:\d+%|-)\s+\/.*$/.exec(stdout.trimEnd().split('\n').at(-1) ?? '') ??
    []
  return code !== 0 || total === undefined || Number(total) === 0 ? undefined : Number(free)
}

/** Files come and go while du looks, so its status says nothing. */
function readSize({ stdout }: OutputFacts): number {
  const [, kib] = /^(\d+)\s/.exec(stdout) ?? []
  return Number(kib ?? 0) * 1024
}
