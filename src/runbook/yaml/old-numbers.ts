/** What a plain scalar is to readers of YAML 1.1, which Ansible is one of. */
export interface OldNumber {
  readonly value: number
  /** It counts in sixties, which few writers know. */
  readonly isSexagesimal: boolean
}

const integers =
  /^[-+]?(?:0b[01_]+|0x[\da-fA-F_]+|0|[1-9][\d_]*)$|^(?<sixties>[-+]?[1-9][\d_]*(?::[0-5]?\d)+)$/
const floats =
  /^(?:[-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?|\.\d[\d_]*(?:[eE][-+]\d+)?)$|^(?<sixties>[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*)$/

/**
 * A number as PyYAML reads it: `1_000`, `0b101`, `12:30:45`, a float only with a dot. Undefined for
 * what is text there, `1e3` and `0o17` among it, and for octal numbers.
 */
export function readOldNumber(source: string): OldNumber | undefined {
  const match = integers.exec(source) ?? floats.exec(source)
  if (match === null) return undefined
  const text = source.replace(/_/g, '')
  const isSexagesimal = match.groups?.['sixties'] !== undefined
  return { value: isSexagesimal ? sixties(text) : signed(text, Number), isSexagesimal }
}

/** Number() takes no sign before 0x and 0b. */
function signed(text: string, read: (digits: string) => number): number {
  const value = read(text.replace(/^[-+]/, ''))
  return text.startsWith('-') ? 0 - value : value
}

function sixties(text: string): number {
  return signed(text, digits => digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0))
}
