import { type FileHandle, mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BkpError } from '../base/errors.ts'
import type { RunEvent } from '../events/events.ts'
import { eventLine } from '../events/line.ts'
import { redactEvent } from '../events/redact.ts'
import type { SourceDocument } from '../runbook/contract.ts'

/** A run's events on disk: JSON lines, synced before any effect they announce. */
export interface Journal {
  readonly directory: string
  append(event: RunEvent): void
  /**
   * Resolves when everything appended is on disk. Calls made meanwhile share one sync.
   * @throws run.journal_failed; the next call tries again
   */
  synced(): Promise<void>
  close(): Promise<void>
}

/** A second place for a journal's lines: the mirror in a storage. */
export interface JournalMirror {
  append(line: string): void
  synced(): Promise<void>
  close(): Promise<void>
}

export interface JournalOptions {
  readonly stateDirectory: string
  readonly run: string
  /** Playbook and inventory as they were, kept beside the journal. */
  readonly documents: readonly SourceDocument[]
  readonly redact: (text: string) => string
  /** Called after the n-th event is on disk: where a test kills the run. */
  readonly onSynced?: (events: number) => void
  readonly mirror?: JournalMirror
}

/** Events that are only for watching, and what an earlier attempt has journaled already. */
function isWorthKeeping(event: RunEvent): boolean {
  if (event.event === 'step.progress') return false
  return !(event.event === 'step.finished' && event.replayed === true)
}

/** Where the runs of a state directory lie. */
export function runDirectory(stateDirectory: string, run: string): string {
  return join(stateDirectory, 'runs', run)
}

/** Opens the journal of a new run: one folder under `runs/`, 0700, its files 0600. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const directory = runDirectory(options.stateDirectory, options.run)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await writeFile(
    join(directory, 'documents.json'),
    JSON.stringify(redactedDocuments(options), undefined, 2),
    { mode: 0o600, flag: 'wx' },
  )
  const file = await open(join(directory, 'journal.jsonl'), 'ax', 0o600)
  await syncDirectory(directory)
  return journalOn(file, 0, directory, options)
}

function redactedDocuments({ documents, redact }: JournalOptions): readonly SourceDocument[] {
  return documents.map(({ path, text }) => ({ path, text: redact(text) }))
}

/** Opens the journal of a run to go on with it: a last line that was cut off is cut away. */
export async function reopenJournal(options: JournalOptions): Promise<Journal> {
  const directory = runDirectory(options.stateDirectory, options.run)
  const path = join(directory, 'journal.jsonl')
  const bytes = await readFile(path)
  const file = await open(path, 'r+')
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1
  await file.truncate(wholeBytes)
  await file.close()
  return journalOn(await open(path, 'a', 0o600), wholeBytes, directory, options)
}

/**
 * Brings the local journal of a run up to what its mirror holds: a run of another controller gets a
 * folder here, one that went on elsewhere gets the events it lacks.
 */
export async function adoptRun(stateDirectory: string, stored: StoredRun): Promise<void> {
  const { run, documents, events } = stored
  const own = await readStoredRun(stateDirectory, run).catch(() => undefined)
  const options: JournalOptions = { stateDirectory, run, documents, redact: text => text }
  const journal = await (own === undefined ? openJournal(options) : reopenJournal(options))
  for (const event of events.slice(own?.events.length ?? 0)) journal.append(event)
  await journal.close()
}

/** What a run left on disk. A torn last line is expected: the run was cut off while writing it. */
export interface StoredRun {
  readonly run: string
  readonly events: readonly RunEvent[]
  readonly documents: readonly SourceDocument[]
}

/** Reads a run's folder. @throws usage.invalid when there is no such run */
export async function readStoredRun(stateDirectory: string, run: string): Promise<StoredRun> {
  const directory = runDirectory(stateDirectory, run)
  const text = await readFile(join(directory, 'journal.jsonl'), 'utf8').catch((cause: unknown) => {
    throw new BkpError('usage.invalid', `there is no run "${run}"`, {
      cause,
      hint: 'bkp runs lists the runs of this controller',
    })
  })
  const documents: unknown = JSON.parse(await readFile(join(directory, 'documents.json'), 'utf8'))
  return { run, events: parseEvents(text), documents: documents as readonly SourceDocument[] }
}

/** Journal lines as events. @throws internal for a line before the last that is no JSON */
export function parseEvents(text: string): readonly RunEvent[] {
  const lines = text.split('\n')
  // What follows the last newline is empty, or torn.
  return lines.slice(0, -1).map((line, index) => {
    try {
      return JSON.parse(line) as RunEvent
    } catch (cause) {
      throw new BkpError('internal', `line ${index + 1} of the journal is damaged`, { cause })
    }
  })
}

function journalOn(
  file: FileHandle,
  beginBytes: number,
  directory: string,
  options: JournalOptions,
): Journal {
  const { mirror } = options
  let waiting: string[] = []
  let written = 0
  let wholeBytes = beginBytes
  let flushing: Promise<void> = Promise.resolve()

  const write = async (text: string): Promise<void> => {
    try {
      await file.appendFile(text)
      await file.datasync()
      wholeBytes += Buffer.byteLength(text)
    } catch (cause) {
      // Whatever came of it is cut away: a line written later must not follow half a line.
      await file.truncate(wholeBytes).catch(() => {})
      throw journalFailed(directory, cause)
    }
  }
  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      // With a failpoint lines go out one at a time, so that a kill between any two can be tested.
      // A copy: what is appended while these are written comes with the next.
      const lines = waiting.slice(0, options.onSynced === undefined ? waiting.length : 1)
      await write(lines.join(''))
      waiting = waiting.slice(lines.length)
      written += 1
      options.onSynced?.(written)
    }
    await mirror?.synced()
  }
  /** After a failure the next call tries again what still waits. */
  const flushNext = (): Promise<void> => {
    flushing = flushing.catch(() => {}).then(flush)
    return flushing
  }
  return Object.freeze({
    directory,
    append: (event: RunEvent) => {
      if (!isWorthKeeping(event)) return
      // Redacted before it is JSON: a password such as `2026` must not tear the line.
      const line = `${eventLine(redactEvent(event, options.redact))}\n`
      waiting.push(line)
      mirror?.append(line)
    },
    synced: flushNext,
    close: async () => {
      try {
        await flushNext()
      } finally {
        await file.close()
        await mirror?.close()
      }
    },
  })
}

function journalFailed(directory: string, cause: unknown): BkpError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new BkpError(
    'run.journal_failed',
    `the journal in ${directory} cannot be written: ${why}`,
    {
      cause,
      hint: 'make room there, then go on with bkp resume, or settle the run with bkp abort',
    },
  )
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
