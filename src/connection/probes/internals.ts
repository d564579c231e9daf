import { BkpError } from '../../base/errors.ts'
import { canonicalJson, isRecord } from '../../base/json.ts'
import type { Probe, Scan } from '../contract.ts'

/** What the script of a probe printed, and the status it ended with. */
export interface Reply {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: Buffer
  /** More was printed than `limitBytes`; the rest was counted and dropped. */
  readonly truncated: boolean
}

/** What a transport needs of a probe: text for a subshell with an empty stdin, and how to read it. */
export interface ProbeParts<T> {
  readonly script: Buffer
  /** Output kept of each stream, in bytes. */
  readonly limitBytes: number
  /** It runs text of the user's, whose words nobody here reads: it sees a step's variables as they are. */
  readonly ofUser?: boolean
  /** @throws BkpError when the reply does not answer the question */
  parse(reply: Reply): T
}

/** How the channel of a scan ended. */
export interface ScanEnd {
  readonly code: number | undefined
  readonly stderr: Buffer
  readonly truncated: boolean
}

/** What a transport needs of a scan. */
export interface ScanParts<T> {
  /** Run by a `/bin/sh` as one compound command. */
  readonly script: Buffer
  /** Sent on stdin when the script has begun: data for it, or more script after it. */
  readonly input?: () => Iterable<Uint8Array>
  /** Reads all of stdout, then asks how it ended. @throws BkpError unless the scan is whole */
  parse(stdout: AsyncIterable<Buffer>, end: () => Promise<ScanEnd>): AsyncIterable<T>
}

const probes = new WeakMap<object, ProbeParts<unknown>>()
const scans = new WeakMap<object, ScanParts<unknown>>()

/** Words in an identity: bytes that JSON cannot say become hex. */
function plainValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString('hex') }
  if (Array.isArray(value)) return value.map(plainValue)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainValue(inner)]))
}

/** The identity is made when it is asked for: a scan may name a million files. */
function identified(kind: string, args: Readonly<Record<string, unknown>>): object {
  return Object.freeze({
    get identity(): string {
      return canonicalJson({ kind, args: plainValue(args) })
    },
  })
}

/** Makes a probe; only the files of this folder call it, so that what a probe runs is read in one place. */
export function makeProbe<T>(
  kind: string,
  args: Readonly<Record<string, unknown>>,
  parts: ProbeParts<T>,
): Probe<T> {
  const probe = identified(kind, args)
  probes.set(probe, parts)
  // The brand exists in types only: nothing else can be made to fit it.
  return probe as unknown as Probe<T>
}

/** Makes a scan; see `makeProbe`. */
export function makeScan<T>(
  kind: string,
  args: Readonly<Record<string, unknown>>,
  parts: ScanParts<T>,
): Scan<T> {
  const scan = identified(kind, args)
  scans.set(scan, parts)
  return scan as unknown as Scan<T>
}

/** The script of a probe, for transports. */
export function probeParts<T>(probe: Probe<T>): ProbeParts<T> {
  const parts = probes.get(probe)
  if (parts === undefined) throw new BkpError('internal', 'a probe was not made in probes.ts')
  return parts as ProbeParts<T>
}

/** The script of a scan, for transports. */
export function scanParts<T>(scan: Scan<T>): ScanParts<T> {
  const parts = scans.get(scan)
  if (parts === undefined) throw new BkpError('internal', 'a scan was not made in probes.ts')
  return parts as ScanParts<T>
}
