import { BkpError } from '../../../base/errors.ts'
import type { Answers, Probe } from '../../../connection/contract.ts'
import {
  type ContentFacts,
  content,
  type FileFacts,
  file,
  sha256,
} from '../../../connection/probes.ts'
import type { Decision } from '../../contract.ts'
import { compareAttributes } from '../files/attributes.ts'
import { isPresent } from '../files/facts.ts'
import { foretellNew } from '../files/foretell.ts'
import { type GuardProbes, guardProbes, whyNotRun } from '../running/guards.ts'
import type { UriResult } from './apply-uri.ts'
import { isSafe, methodOf, type UriArguments } from './arguments.ts'
import { prepare, shownUrl } from './prepare.ts'
import { nameInFolder, targetOf } from './save.ts'

/** Certificates in one file, in bytes: more than all that browsers trust. */
const authoritiesLimitBytes = 1024 * 1024

export type UriProbes = Pick<GuardProbes, 'creates' | 'removes'> & {
  readonly authorities?: Probe<ContentFacts | undefined>
  readonly dest?: Probe<FileFacts>
  readonly digest?: Probe<string | undefined>
  readonly inside?: Probe<FileFacts>
  readonly insideDigest?: Probe<string | undefined>
}

export type UriAnswers = Answers<UriProbes>

/** What uri looks at: nothing, unless files of the host are named. */
export function uriProbes(args: UriArguments): UriProbes {
  const { dest, ca_path: authorities, creates, removes } = args
  const guards = {
    ...(creates === undefined ? {} : { creates }),
    ...(removes === undefined ? {} : { removes }),
  }
  const name = dest === undefined ? undefined : nameInFolder(args.url)
  const inside = name === undefined ? undefined : `${dest === '/' ? '' : dest}/${name}`
  return {
    ...guardProbes(guards),
    ...(authorities === undefined
      ? {}
      : { authorities: content(authorities, authoritiesLimitBytes) }),
    ...(dest === undefined ? {} : { dest: file(dest, { follow: true }), digest: sha256(dest) }),
    ...(inside === undefined
      ? {}
      : { inside: file(inside, { follow: true }), insideDigest: sha256(inside) }),
  }
}

/** @throws step.failed where the file of ca_path is not there */
export function authoritiesOf(args: UriArguments, facts: UriAnswers): Uint8Array | undefined {
  if (args.ca_path === undefined || args.validate_certs === false) return undefined
  if (facts.authorities === undefined || facts.authorities.truncated) {
    const what = facts.authorities === undefined ? 'is no file' : 'is larger than 1 MiB'
    throw new BkpError('step.failed', `${args.ca_path} ${what}`, {
      hint: 'ca_path names a file of certificates in PEM on the host',
    })
  }
  return facts.authorities.bytes
}

/** Whether a response changed anything: what only reads changes at most the file it is kept in. */
export function hasChanged(args: UriArguments, facts: UriAnswers, result: UriResult): boolean {
  if (!isSafe(methodOf(args))) return true
  const target = targetOf(args, facts)
  if (target === undefined) return false
  const attributes = isPresent(target.file) ? compareAttributes(target.file, args).notes : []
  return target.digest !== result.checksum || attributes.length > 0
}

/** Pure. @throws step.failed */
export function planUri(args: UriArguments, facts: UriAnswers): Decision<UriAnswers, UriResult> {
  const prepared = prepare(args)
  const { method } = prepared
  const url = shownUrl(prepared)
  const why = whyNotRun(args, facts)
  if (why !== undefined) {
    const msg = `not sent, since ${why}`
    return { kind: 'unchanged', result: { msg, url, redirected: false }, message: msg }
  }
  authoritiesOf(args, facts)
  const target = targetOf(args, facts)
  const call = `${method} ${url}`
  if (target === undefined) {
    const changes = [{ action: 'call', target: call }] as const
    return isSafe(method)
      ? { kind: 'change', changes, after: {}, changesNothing: true }
      : { kind: 'change', changes, after: {} }
  }
  const key = target.path === args.dest ? 'dest' : 'inside'
  const action = isPresent(target.file) ? 'update' : 'create'
  return {
    kind: 'change',
    changes: [{ action, target: target.path, notes: [`what ${call} returns`] }],
    after: { [key]: foretellNew('file', { wanted: args, before: target.file }) },
    // Whether it differs from what is there, only the response tells.
    certainty: isPresent(target.file) && isSafe(method) ? 'maybe' : 'sure',
    result: { path: target.path },
  }
}
