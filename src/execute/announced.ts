import { createHash } from 'node:crypto'
import { mask } from '../base/secret.ts'
import type { Change as EventChange } from '../events/change.ts'
import { hasUnknown } from '../expression/unknown.ts'
import type { Change, LocalFile } from '../modules/contract.ts'
import type { PerformRequest } from './driver.ts'
import type { Environment } from './environment.ts'
import type { AnyDecision, Look } from './look.ts'

/** What is told of a step before it is done. */
export interface Announced {
  readonly changes: readonly EventChange[]
  readonly binding?: Readonly<Record<string, unknown>>
}

/** Content above this is looked through for no secret, in bytes: its digest tells nothing of one. */
const smallFileBytes = 64 * 1024

/**
 * The changes of a decision as events and plans carry them, and, where that is asked for, what binds
 * them.
 */
export function announcedOf(
  environment: Pick<Environment, 'redactor' | 'diff'>,
  request: PerformRequest,
  { decision, given }: Pick<Look, 'decision' | 'given'>,
  { binds }: { readonly binds: boolean },
): Announced {
  if (decision.kind === 'unchanged') return { changes: [] }
  const { redact } = environment.redactor
  const host = request.delegate ?? request.ref.host
  const wantsDiff = request.diff ?? environment.diff === true
  const changes = decision.changes.map(change =>
    eventChange(wantsDiff || binds ? change : withoutDiff(change), host, redact),
  )
  const shown = wantsDiff ? changes : changes.map(withoutDiff)
  if (!binds) return { changes: shown }
  const isSecret = changes.some(({ diff }) => diff?.after === mask)
  const binding = bindingOf(decision, given.local ?? [], isSecret, redact)
  return { changes: shown, ...(binding === undefined ? {} : { binding }) }
}

/** The digest of a content that a secret is in would let one guess it. */
function bindingOf(
  decision: Extract<AnyDecision, { kind: 'change' }>,
  local: readonly LocalFile[],
  isSecret: boolean,
  redact: (text: string) => string,
): Readonly<Record<string, unknown>> | undefined {
  const own = Object.entries(decision.binding ?? {}).filter(
    ([name, value]) => !hasUnknown(value) && !(isSecret && name === contentDigest),
  )
  const files = local
    .filter(({ bytes }) => !holdsSecret(bytes, redact))
    .map(({ path, bytes }) => [`file ${path}`, digestOf(bytes)] as const)
  const entries = [...own, ...files]
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** The name of the fact by which modules bind what they write. */
const contentDigest = 'sha256'

const digests = new WeakMap<Uint8Array, string>()

function digestOf(bytes: Uint8Array): string {
  const known = digests.get(bytes)
  if (known !== undefined) return known
  const digest = createHash('sha256').update(bytes).digest('hex')
  digests.set(bytes, digest)
  return digest
}

function holdsSecret(bytes: Uint8Array, redact: (text: string) => string): boolean {
  if (bytes.byteLength > smallFileBytes) return false
  const text = new TextDecoder().decode(bytes)
  return redact(text) !== text
}

function eventChange(change: Change, host: string, redact: (text: string) => string): EventChange {
  const { diff } = change
  return {
    action: change.action,
    target: change.target,
    host: change.host ?? host,
    destructive: change.destructive ?? false,
    ...(change.bytes === undefined ? {} : { bytes: change.bytes }),
    ...(diff === undefined ? {} : { diff: coveredDiff(diff, redact) }),
    ...(change.notes === undefined ? {} : { notes: change.notes }),
    ...(change.flow === undefined ? {} : { flow: change.flow }),
    ...(change.availability === undefined ? {} : { availability: change.availability }),
  }
}

/** Where a secret is in one side, the other may hold the one that it replaces: both are dots. */
function coveredDiff(
  diff: NonNullable<Change['diff']>,
  redact: (text: string) => string,
): NonNullable<Change['diff']> {
  const isClean = redact(diff.before) === diff.before && redact(diff.after) === diff.after
  return isClean ? diff : { before: mask, after: mask }
}

function withoutDiff<C extends Pick<Change, 'diff'>>({
  diff: _left,
  ...change
}: C): Omit<C, 'diff'> {
  return change
}
