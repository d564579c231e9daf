import { isRecord } from '../base/json.ts'
import { mask } from '../base/secret.ts'
import type { RunEvent } from './events.ts'

/**
 * Fields that name parts of the run. A password may be "tasks" or "nebula" or 2026: dots in its place
 * here would hide no secret, but tear a journal apart.
 */
const structural: ReadonlySet<string> = new Set([
  'seq',
  'time',
  'run',
  'event',
  'version',
  'mode',
  'how',
  'tool',
  'playbook',
  'inventory',
  'directory',
  'limit',
  'step',
  'module',
  'host',
  'hosts',
  'delegate',
  'failed',
  'settles',
  'play',
  'section',
  'status',
  'kind',
  'outcome',
  'certainty',
  'level',
  'recap',
  'exit_code',
  'done_bytes',
  'total_bytes',
  'duration_ms',
])

/** An event without secrets; what holds it together stays as it is, and so does its JSON. */
export function redactEvent(event: RunEvent, redact: (text: string) => string): RunEvent {
  const fields = Object.entries(event).map(([key, value]) => [
    key,
    structural.has(key) ? value : redactValue(value, redact),
  ])
  // The same fields with the same types: texts stay texts.
  return Object.fromEntries(fields) as RunEvent
}

/** A value with secrets covered in its texts and keys; a number that is one becomes dots. */
export function redactValue(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value)
  if (typeof value === 'number' || typeof value === 'bigint') {
    return redact(String(value)) === mask ? mask : value
  }
  if (Array.isArray(value)) return value.map(item => redactValue(item, redact))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [redact(key), redactValue(inner, redact)]),
  )
}
