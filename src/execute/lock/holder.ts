import { isRecord } from '../../base/json.ts'
import type { Controller } from './controller.ts'

/** What a register of a lock says: who took it, for which run. */
export interface Holder {
  /** The name as the playbook has it. */
  readonly lock: string
  readonly run: string
  /** ISO 8601 UTC, by the holder's clock: for people only. */
  readonly since: string
  readonly controller: Controller
  /** Random: how a holder knows its own register after an answer was lost. */
  readonly nonce: string
}

/** Ids of runs: they are printed as part of commands. */
const runId = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/

/** True for text that can be the id of a run. */
export function isRunId(text: string): boolean {
  return runId.test(text)
}

/** A line of JSON. */
export function encodeHolder(holder: Holder): Uint8Array {
  const { lock, run, since, controller, nonce } = holder
  const { host, user, pid, process } = controller
  return Buffer.from(`${JSON.stringify({ lock, run, since, host, user, pid, process, nonce })}\n`)
}

/** What was encoded, or nothing where the bytes are something else. */
export function decodeHolder(bytes: Uint8Array): Holder | undefined {
  const value = parse(bytes)
  if (!isRecord(value)) return undefined
  const { lock, run, since, nonce } = value
  const controller = controllerFrom(value)
  if (controller === undefined) return undefined
  if (typeof lock !== 'string' || typeof since !== 'string' || typeof nonce !== 'string') {
    return undefined
  }
  if (typeof run !== 'string' || !isRunId(run)) return undefined
  return { lock, run, since, controller, nonce }
}

/** The controller that a record names: `host`, `user`, `pid` and, where it had one, `process`. */
export function controllerFrom(value: Readonly<Record<string, unknown>>): Controller | undefined {
  const { host, user, pid, process } = value
  if (typeof host !== 'string' || typeof user !== 'string') return undefined
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined
  if (!isRecord(process)) return { host, user, pid }
  const { boot, pidNamespace, start } = process
  if (typeof boot !== 'string' || typeof start !== 'string') return undefined
  if (typeof pidNamespace !== 'string') return undefined
  return { host, user, pid, process: { boot, pidNamespace, start } }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}
