import { createHash } from 'node:crypto'
import { BkpError } from '../base/errors.ts'
import { isRecord } from '../base/json.ts'
import type { RunEvent } from '../events/events.ts'
import type { SourceDocument } from '../runbook/contract.ts'
import type { Key } from '../storage/contract.ts'
import { key, keyOrNothing } from '../storage/key.ts'
import type { Controller } from './lock/controller.ts'
import { controllerFrom, isRunId } from './lock/holder.ts'

const format = 1

/** A part of a run's journal, as one object: a header, and lines of JSON. */
export interface MirrorObject {
  /** From 1, without gaps. */
  readonly seq: number
  readonly writer: Controller
  /** Playbook and inventory as they were: in the first object. */
  readonly documents: readonly SourceDocument[] | undefined
  readonly events: readonly RunEvent[]
}

/** What goes into an object; the lines are redacted, without line ends. */
export interface MirrorParts {
  readonly run: string
  readonly seq: number
  readonly writer: Controller
  /** Of the mirror that writes: no two of them write the same bytes. */
  readonly nonce: string
  readonly lines: readonly string[]
}

/** Where the mirror of a run lies. */
export function mirrorPrefix(run: string): string {
  return `runs/${run}/`
}

/** The key of the n-th object. @throws internal for what is no id of a run */
export function mirrorKey(run: string, seq: number): Key {
  return key(`${mirrorPrefix(run)}${String(seq).padStart(8, '0')}`)
}

/** Which run and number a key stands for; nothing for what is no part of a mirror. */
export function mirrorPart(
  found: string,
): { readonly run: string; readonly seq: number } | undefined {
  const [, run, number] = /^runs\/([^/]+)\/(\d{8})$/.exec(found) ?? []
  if (run === undefined || !isRunId(run) || keyOrNothing(found) === undefined) return undefined
  return { run, seq: Number(number) }
}

/** The line that holds the documents of a run. */
export function documentsLine(
  documents: readonly SourceDocument[],
  redact: (text: string) => string,
): string {
  return JSON.stringify({
    documents: documents.map(({ path, text }) => ({ path: redact(path), text: redact(text) })),
  })
}

/** The bytes of an object. Its header counts and hashes what follows: a torn one is told apart. */
export function encodeMirrorObject({ run, seq, writer, nonce, lines }: MirrorParts): Uint8Array {
  const body = Buffer.from(lines.map(line => `${line}\n`).join(''))
  const header = { mirror: format, run, seq, ...writer, nonce, sha256: sha256(body) }
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body])
}

/** @throws run.mirror_damaged for what is torn, of another run, or nothing of ours */
export function decodeMirrorObject(
  bytes: Uint8Array,
  expected: { readonly run: string; readonly seq: number; readonly where: string },
): MirrorObject {
  const { run, seq } = expected
  const damaged = (what: string): BkpError =>
    mirrorDamaged(expected.where, mirrorKey(run, seq), what)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = buffer.indexOf(0x0a)
  const header = parse(buffer.toString('utf8', 0, Math.max(0, end)))
  const writer = isRecord(header) ? controllerFrom(header) : undefined
  if (!isRecord(header) || typeof header['mirror'] !== 'number' || writer === undefined) {
    throw damaged('is no part of a journal')
  }
  if (header['mirror'] !== format) throw damaged('was written by a newer bkp')
  if (header['run'] !== run || header['seq'] !== seq) {
    throw damaged('belongs to another place or run')
  }
  const body = buffer.subarray(end + 1)
  if (sha256(body) !== header['sha256']) throw damaged('is torn or was changed')
  const lines = body.toString('utf8').split('\n').slice(0, -1).map(parse)
  const [first] = lines
  const documents = seq === 1 && isRecord(first) ? documentsFrom(first['documents']) : undefined
  if (seq === 1 && documents === undefined) throw damaged('holds no documents')
  const events = documents === undefined ? lines : lines.slice(1)
  if (!events.every(event => isEventOf(run, event))) throw damaged('holds a line that is no event')
  return { seq, writer, documents, events: events as readonly unknown[] as readonly RunEvent[] }
}

/** What is wrong with the mirror of a run. */
export function mirrorDamaged(where: string, at: string, what: string): BkpError {
  return new BkpError('run.mirror_damaged', `${at} in ${where} ${what}`, {
    hint: 'resume or abort the run on the controller that ran it: its own journal is whole',
    details: { key: at },
  })
}

function isEventOf(run: string, value: unknown): boolean {
  return (
    isRecord(value) &&
    value['run'] === run &&
    typeof value['event'] === 'string' &&
    typeof value['seq'] === 'number' &&
    typeof value['time'] === 'string'
  )
}

function documentsFrom(value: unknown): readonly SourceDocument[] | undefined {
  if (!Array.isArray(value)) return undefined
  const documents = value.flatMap((each: unknown) => {
    if (!isRecord(each)) return []
    const { path, text } = each
    return typeof path === 'string' && typeof text === 'string' ? [{ path, text }] : []
  })
  return documents.length === value.length ? documents : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
