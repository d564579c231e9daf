import { escapeControls } from '../base/text.ts'
import { formatBytes } from '../base/units.ts'
import type { VerifyFault, VerifyResult } from '../repository/verify.ts'

/** Files of a fault that are named; `--json` has all. */
const namedFiles = 20

/** What a verification found, for people. `budget`: the time it had, as it was written. */
export function verifyText(report: VerifyResult, budget: string): string {
  return [
    ...report.errors.flatMap(fault),
    ...report.forgotten.map(name => `${name} was forgotten meanwhile: what it lacks is no error`),
    ...garbage(report),
    ...progress(report, budget),
    summary(report),
  ]
    .map(line => `${escapeControls(line, { newlines: false })}\n`)
    .join('')
}

function fault({ code, block, message, backups, files }: VerifyFault): readonly string[] {
  const more = files.length - namedFiles
  return [
    `${code}: ${block === '' ? message : `block ${block}`}`,
    `  backups: ${backups.join(', ')}`,
    ...files.slice(0, namedFiles).map(file => `  file: ${file}`),
    ...(more > 0 ? [`  ... and ${more} more files`] : []),
  ]
}

function garbage({ garbage: found }: VerifyResult): readonly string[] {
  if (found === undefined) return []
  const more = found.unknown - found.unknown_keys.length
  return [
    ...(found.blocks === 0
      ? []
      : [
          `${found.blocks} blocks (${formatBytes(found.bytes)}) are needed by no backup: of runs under way, or for bkp vacuum`,
        ]),
    ...(found.unknown === 0
      ? []
      : [
          `not written by bkp: ${found.unknown_keys.join(', ')}${more > 0 ? `, ... and ${more} more` : ''}`,
        ]),
  ]
}

function progress({ budget: outcome }: VerifyResult, budget: string): readonly string[] {
  if (outcome === undefined || outcome.complete) return []
  if (outcome.backups_left > 0) {
    return [
      `${budget} were over before the lists of ${outcome.backups_left} backups were read; the next run begins with those: give it more time`,
    ]
  }
  const { passed_bytes: passed, total_bytes: total, runs_left: runs, reached_end: again } = outcome
  const share = total === 0 ? 0 : Math.floor((passed / total) * 100)
  const left =
    runs === null
      ? ''
      : `; about ${runs} more ${runs === 1 ? 'run' : 'runs'} of ${budget} to the end`
  return [
    ...(again
      ? ['the end was reached, so that all was looked at once more: a new round began']
      : []),
    `${budget} were over at ${share}% of ${formatBytes(total)}, where the next run goes on${left}`,
  ]
}

function summary({ checked, errors }: VerifyResult): string {
  const { backups, blocks, bytes } = checked
  const found = errors.length === 0 ? 'no errors' : `${errors.length} errors`
  return `checked ${backups} ${backups === 1 ? 'backup' : 'backups'}, ${blocks} blocks, ${formatBytes(bytes)} read: ${found}`
}
