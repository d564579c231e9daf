import { BkpError } from '../../base/errors.ts'

/** What a host or group may be called: nothing a shell, a path or ssh could take for something else. */
const acceptable = /^[\p{L}\p{N}_.:][\p{L}\p{N}_.:%+-]*$/u
const groupName = /^[\p{L}\p{N}_.][\p{L}\p{N}_.+-]*$/u

/** Most hosts that one range may stand for. */
const rangeLimit = 100_000

/** True when a host can have that name. */
export function isHostName(name: string): boolean {
  return name.length <= 253 && acceptable.test(name) && name !== '.' && name !== '..'
}

/** True when a group, a cluster or a storage can have that name. */
export function isGroupName(name: string): boolean {
  return name.length <= 253 && groupName.test(name) && name !== '.' && name !== '..'
}

function invalid(message: string, hint?: string): BkpError {
  return new BkpError('inventory.invalid', message, hint === undefined ? {} : { hint })
}

/** A key of `hosts:` as names and a port: `store[1:3]:2222`, `[::1]:22`, `fe80::1`. */
export function parseHostKey(key: string): {
  readonly names: readonly string[]
  readonly port: number | undefined
} {
  const bracketed = /^\[([\da-f:.%\w]*:[\da-f:.%\w]*:[\da-f:.%\w]*)\](?::(\d+))?$/i.exec(key)
  const withPort = /^((?:[^:[\]]|\[[^\]]*\])+):(\d+)$/.exec(key)
  const [, address, addressPort] = bracketed ?? []
  const [, name, namePort] = withPort ?? []
  const portText = addressPort ?? namePort
  const port = portText === undefined ? undefined : Number(portText)
  if (port !== undefined && (port < 1 || port > 65_535)) {
    throw invalid(`the port ${portText} of "${key}" is not between 1 and 65535`)
  }
  const names = address === undefined ? expandRanges(name ?? key) : [address]
  for (const expanded of names) {
    if (!isHostName(expanded)) {
      throw invalid(
        `"${expanded}" cannot be the name of a host`,
        'use letters, digits and . _ - : % +, and no - first',
      )
    }
  }
  return { names, port }
}

/**
 * Ansible's ranges: `n[01:03]` keeps zeros, `[a:c]` letters, `[0:6:3]` a stride; the first range of
 * a name varies slowest.
 * @throws inventory.invalid
 */
function expandRanges(pattern: string): readonly string[] {
  const open = pattern.indexOf('[')
  if (open === -1) return [pattern]
  const close = pattern.indexOf(']', open)
  const inner = close === -1 ? '' : pattern.slice(open + 1, close)
  const match = /^([^:]*):([^:]+)(?::([^:]+))?$/.exec(inner)
  if (match === null) {
    throw invalid(`"${pattern}" holds no valid range`, 'write [1:3], [01:12:2] or [a:c]')
  }
  const [, first = '', last = '', step = '1'] = match
  const values = rangeValues(pattern, first === '' ? '0' : first, last, step)
  const rest = expandRanges(pattern.slice(close + 1))
  if (values.length * rest.length > rangeLimit) {
    throw invalid(`"${pattern}" stands for more than ${rangeLimit} hosts`)
  }
  const head = pattern.slice(0, open)
  return values.flatMap(value => rest.map(tail => `${head}${value}${tail}`))
}

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

function rangeValues(
  pattern: string,
  first: string,
  last: string,
  step: string,
): readonly string[] {
  const stride = /^\d+$/.test(step) ? Number(step) : 0
  if (stride < 1) throw invalid(`the stride of "${pattern}" is not a whole number above 0`)
  const isLetters = /^[a-zA-Z]$/.test(first) && /^[a-zA-Z]$/.test(last)
  const isNumbers = /^\d+$/.test(first) && /^\d+$/.test(last)
  if (!isLetters && !isNumbers) {
    throw invalid(`"${pattern}" holds no valid range`, 'write [1:3], [01:12:2] or [a:c]')
  }
  const padded = first.startsWith('0') && first.length > 1
  if (padded && first.length !== last.length) {
    throw invalid(`both ends of the range in "${pattern}" must have the same number of digits`)
  }
  const from = isLetters ? letters.indexOf(first) : Number(first)
  const to = isLetters ? letters.indexOf(last) : Number(last)
  if (from > to) throw invalid(`the range of "${pattern}" runs backwards`)
  if ((to - from) / stride >= rangeLimit) {
    throw invalid(`"${pattern}" stands for more than ${rangeLimit} hosts`)
  }
  const values: string[] = []
  for (let value = from; value <= to; value += stride) {
    values.push(
      isLetters ? (letters[value] ?? '') : String(value).padStart(padded ? first.length : 0, '0'),
    )
  }
  return values
}
