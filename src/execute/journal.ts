import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunEvent } from '../events/events.ts'
import { eventLine } from '../events/line.ts'
import type { SourceDocument } from '../runbook/contract.ts'

/** A run's events on disk: JSON lines, synced before any effect they announce. */
export interface Journal {
  readonly directory: string
  append(event: RunEvent): void
  /** Resolves when everything appended is on disk. Calls made meanwhile share one sync. */
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
}

/** Events that are only for watching: a resumed run has no use for them. */
const transient: ReadonlySet<string> = new Set(['step.progress'])

/** Opens the journal of a new run: one folder under `runs/`, 0700, its files 0600. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const directory = join(options.stateDirectory, 'runs', options.run)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await writeFile(
    join(directory, 'documents.json'),
    options.redact(JSON.stringify(options.documents, undefined, 2)),
    { mode: 0o600, flag: 'wx' },
  )
  const file = await open(join(directory, 'journal.jsonl'), 'ax', 0o600)
  await syncDirectory(directory)
  return journalOn(file, directory, options)
}

function journalOn(file: FileHandle, directory: string, options: JournalOptions): Journal {
  let waiting: string[] = []
  let written = 0
  let flushing: Promise<void> = Promise.resolve()

  const flush = async (): Promise<void> => {
    // Lines go out one at a time, so that a kill between any two of them can be tested.
    while (waiting.length > 0) {
      const lines = waiting
      waiting = []
      for (const line of options.onSynced === undefined ? [lines.join('')] : lines) {
        await file.appendFile(line)
        await file.datasync()
        written += 1
        options.onSynced?.(written)
      }
    }
  }
  return Object.freeze({
    directory,
    append: (event: RunEvent) => {
      if (!transient.has(event.event)) waiting.push(`${options.redact(eventLine(event))}\n`)
    },
    synced: () => {
      flushing = flushing.then(flush)
      return flushing
    },
    close: async () => {
      flushing = flushing.then(flush)
      await flushing
      await file.close()
    },
  })
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
