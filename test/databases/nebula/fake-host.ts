import { BkpError } from '../../../src/base/errors.ts'
import type { ReadOnlyHost } from '../../../src/connection/contract.ts'

/** What a question is, as its identity tells it. */
export interface Question {
  readonly kind: string
  readonly args: Readonly<Record<string, unknown>>
}

/** Answers one question; undefined where it does not know it. */
export type Answerer = (question: Question) => unknown

/** Marks an answer that is really `undefined`. */
export const nothing: unique symbol = Symbol('nothing')

/** A host that says what a test has written down; a question nobody expected fails the test. */
export function fakeHost(name: string, ...answerers: readonly Answerer[]): ReadOnlyHost {
  const answer = (identity: string): unknown => {
    const question = JSON.parse(identity) as Question
    for (const answerer of answerers) {
      const said = answerer(question)
      if (said === nothing) return undefined
      if (said !== undefined) return said
    }
    throw new Error(`${name} was asked ${identity}`)
  }
  const refuse = (): never => {
    throw new Error('not part of this host')
  }
  return Object.freeze({
    name,
    transport: 'ssh',
    ask: async (probes: Readonly<Record<string, { readonly identity: string }>>) =>
      Object.fromEntries(
        Object.entries(probes).map(([key, probe]) => [key, answer(probe.identity)]),
      ) as never,
    scan: refuse,
    read: refuse,
  })
}

/** A host that cannot be reached. */
export function deadHost(name: string): ReadOnlyHost {
  const fail = (): never => {
    throw new BkpError('ssh.unreachable', `no SSH connection to ${name}`)
  }
  return Object.freeze({
    name,
    transport: 'ssh',
    ask: async () => fail(),
    scan: fail,
    read: fail,
  })
}

/** Files by path, and what the host calls itself. */
export function files(contents: Readonly<Record<string, string>>, hostname = 'inner'): Answerer {
  return ({ kind, args }) => {
    if (kind === 'output' && JSON.stringify(args['argv']) === '["hostname"]') {
      return { code: 0, stdout: `${hostname}\n`, stderr: '' }
    }
    if (kind !== 'content') return undefined
    const text = contents[String(args['path'])]
    return text === undefined ? nothing : { bytes: Buffer.from(text), truncated: false }
  }
}
