import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** An input whose size would fill the repository: one text many times; `{n}` is its number. */
interface Made {
  readonly before?: string
  readonly repeat: string
  readonly times: number
  readonly after?: string
}

/** A folder of hostile inputs: each file has what it is told beside it, as `.expected`. */
export interface Inputs {
  readonly names: readonly string[]
  bytes(name: string): Uint8Array
  /** A JSON input as the value it is. */
  json(name: string): unknown
  /** Where what is expected of it stands. */
  expected(name: string): string
}

/** The inputs of a group, by the number of their line in the list (`rows.ts`). */
export function inputsOf(group: string): Inputs {
  const folder = new URL(`${group}/`, import.meta.url)
  const names = readdirSync(folder)
    .filter(name => !name.endsWith('.expected'))
    .sort()
  const bytes = (name: string): Uint8Array => {
    const found = readFileSync(new URL(name, folder))
    return name.endsWith('.made.json') ? make(JSON.parse(found.toString()) as Made) : found
  }
  return Object.freeze({
    names,
    bytes,
    json: name => JSON.parse(Buffer.from(bytes(name)).toString()),
    expected: name => fileURLToPath(new URL(`${name}.expected`, folder)),
  } satisfies Inputs)
}

function make({ before = '', repeat, times, after = '' }: Made): Uint8Array {
  const isNumbered = repeat.includes('{n}')
  const pieces = Array.from({ length: isNumbered ? times : 1 }, (_, index) =>
    isNumbered ? repeat.replace('{n}', String(index)) : repeat.repeat(times),
  )
  return Buffer.from(before + pieces.join('') + after)
}
