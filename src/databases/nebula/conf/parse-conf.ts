import { BkpError } from '../../../base/errors.ts'

/** Flags by name, without their dashes. */
export type Flags = ReadonlyMap<string, string>

/**
 * The flags of a configuration file as gflags reads them: one `--key=value` a line, `#` comments, a
 * boolean without its value, `--no` before it for false; the last of a name counts. A daemon takes
 * any other line for the name of a program and ignores the flags below it, so such a file is refused.
 * `place` names the file and its host in messages. @throws file.unreadable
 */
export function parseConf(bytes: Uint8Array, place: string): Flags {
  const flags = new Map<string, string>()
  const lines = decode(bytes, place).split('\n')
  for (const [index, whole] of lines.entries()) {
    const line = whole.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, name, value] = /^--?([A-Za-z][A-Za-z0-9_]*)(?:\s*=\s*(.*))?$/.exec(line) ?? []
    if (name === undefined) {
      throw refused(place, index, 'is no flag', 'write --key=value, or # before a comment')
    }
    if (name === 'flagfile') {
      throw refused(
        place,
        index,
        'names another file of flags, which bkp does not follow',
        'put its flags into this file, or give conf, address and data_dirs under instances',
      )
    }
    if (value === undefined) setBoolean(flags, name)
    else flags.set(name, value.trim())
  }
  return flags
}

/** The values of a comma list, without those that are empty. */
export function listOf(value: string | undefined): readonly string[] {
  return (value ?? '')
    .split(',')
    .map(each => each.trim())
    .filter(each => each !== '')
}

function setBoolean(flags: Map<string, string>, name: string): void {
  if (name.startsWith('no')) flags.set(name.slice(2), 'false')
  else flags.set(name, 'true')
}

function decode(bytes: Uint8Array, place: string): string {
  if (bytes.includes(0)) {
    throw new BkpError('file.unreadable', `${place} is no text`, {
      hint: 'give the configuration file of the service under instances',
    })
  }
  // Comments may be in any encoding; what counts is checked where it is used.
  return new TextDecoder().decode(bytes)
}

function refused(place: string, index: number, reason: string, hint: string): BkpError {
  return new BkpError('file.unreadable', `${place}: line ${index + 1} ${reason}`, { hint })
}
