import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { attemptBackup } from './backup-attempt.ts'
import { type BackupOptions, type BackupResult, checkScope } from './backup-options.ts'
import { checkClock } from './clock-check.ts'
import { initialiseRepository } from './initialise.ts'
import { manifestKey } from './names.ts'
import { probeStorage } from './probe-storage.ts'

export type {
  BackupOptions,
  BackupResult,
} from './backup-options.ts'

/** How often a backup begins again because someone took its name and a vacuum was planned meanwhile. */
const attempts = 3

/**
 * Backs up the sources as one backup. Nothing is visible before the one commit; a run that dies
 * leaves garbage, never damage, and the next one continues from its last checkpoint.
 * @throws repository.source_changed, repository.session_revoked, repository.clock,
 * repository.unsupported_format, usage.invalid, storage.*, file.unreadable, ssh.*
 */
export async function backUp(options: BackupOptions, io: Io): Promise<BackupResult> {
  checkScope(options)
  const { storage, random, clock } = options
  const started = clock.monotonicMs()
  const repo = await initialiseRepository(storage, random, io)
  const mode = await probeStorage(storage, random, io)
  if (options.acceptClock !== true) await checkClock(repo, clock, io)
  const warnings =
    mode === 'concurrent'
      ? []
      : [
          `${repo.url} does not create objects atomically: run one bkp at a time on it, and vacuum it with --exclusive`,
        ]
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const done = await attemptBackup(repo, options, io)
    if (done === undefined) continue
    return {
      backup: done.name,
      manifest: manifestKey(done.name),
      files: done.totals.files,
      bytes: done.totals.bytes,
      new_bytes: done.totals.newBytes,
      reused_bytes: done.totals.reusedBytes,
      seconds: (clock.monotonicMs() - started) / 1000,
      warnings: [...warnings, ...done.warnings],
    }
  }
  throw new BkpError(
    'storage.failed',
    `${repo.url}: other backups took the name ${attempts} times`,
    {
      hint: 'find out what else writes manifests there, then run again',
    },
  )
}
