import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

/** What vitest's reporter `json` says of each file. */
interface Report {
  readonly testResults: readonly { readonly name: string; readonly status: string }[]
}

/** Runs vitest with these words; its status, and the files in which something failed. */
function run(words: readonly string[]): { readonly status: number; readonly failed: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'bkp-report-'))
  const file = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const { status } = spawnSync('vitest', ['run', ...words, ...reporters], { stdio: 'inherit' })
    return { status: status ?? 1, failed: status === 0 ? [] : failedIn(file) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** None where there is no report: vitest itself failed. */
function failedIn(file: string): string[] {
  try {
    const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report
    const failed = testResults.filter(({ status }) => status === 'failed')
    return failed.map(({ name }) => relative(process.cwd(), name))
  } catch {
    return []
  }
}

/**
 * `tsx test/run.ts --project NAME`: runs tests as vitest does. On a machine of others a port is taken or a
 * process starved now and then: with `CI` set, files in which a test failed are run once more, whole and by
 * themselves, since tests of a file share servers; it is said which.
 */
function main(words: readonly string[]): number {
  const first = run(words)
  if (first.status === 0 || process.env['CI'] === undefined) return first.status
  const what = first.failed.length === 0 ? 'all of it' : first.failed.join(', ')
  process.stderr.write(`\nfailed, and is run once more: ${what}\n\n`)
  const second = run([...words, ...first.failed])
  process.stderr.write(`\n${second.status === 0 ? 'passed' : 'FAILED'} the second time: ${what}\n`)
  return second.status
}

process.exitCode = main(process.argv.slice(2))
