import { spawnSync } from 'node:child_process'
import { loadavg } from 'node:os'

/** A program to run, as an argument list; nothing goes through a shell. */
export interface Invocation {
  readonly argv: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/**
 * Runs a program to its end. Gives the wall time in milliseconds from before it is started to after
 * it has ended, and its output. @throws Error with its last words when its status is not 0
 */
export function timeRun({ argv, env, cwd }: Invocation): {
  readonly milliseconds: number
  readonly stdout: string
} {
  const [program, ...words] = argv
  const begin = performance.now()
  const { status, signal, error, stdout, stderr } = spawnSync(program, words, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
    ...(cwd === undefined ? {} : { cwd }),
  })
  const milliseconds = performance.now() - begin
  if (error !== undefined) throw error
  if (status === 0) return { milliseconds, stdout }
  const said = `${stdout}${stderr}`.trim().split('\n').slice(-12).join('\n')
  throw new Error(`${argv.join(' ')} ended with ${status ?? signal}:\n${said}`)
}

/** The middle one; of an even number the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** Rows as Markdown; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows
  const widths = head.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...rows.slice(1).map(line)].join('\n')
}

/** When and how loaded: a figure means nothing without it. */
export function circumstances(): string {
  const load = loadavg().map(value => value.toFixed(1))
  return `${new Date().toISOString()}, node ${process.version}, load ${load.join(' ')}`
}
