import { BkpError } from '../../base/errors.ts'
import { didYouMean } from '../../base/text.ts'

/** The JSON Schema of a setting that is text. */
export function textSetting(description: string): Readonly<Record<string, unknown>> {
  return { type: 'string', minLength: 1, description }
}

/** The JSON Schema of a setting that is true or false. */
export function flagSetting(description: string): Readonly<Record<string, unknown>> {
  return { type: 'boolean', description }
}

/** Reads the settings of a storage by name; the schema has said most of what is wrong, with its line. */
export interface SettingsReader {
  /** An object with each text under its name; without those that are not given. */
  texts(...names: readonly string[]): Readonly<Record<string, string>>
  /** An object with that flag under its property's name; an empty one where it is not given. */
  flag(name: string, property?: string): Readonly<Record<string, boolean>>
}

/** @throws usage.invalid for a setting that the type does not know, and one of another type */
export function settingsReader(
  { type, ...settings }: { readonly type: string; readonly [setting: string]: unknown },
  known: readonly string[],
): SettingsReader {
  const what = `an ${type} storage`
  for (const setting of Object.keys(settings)) {
    if (known.includes(setting)) continue
    throw new BkpError('usage.invalid', `${what} has no option "${setting}"`, {
      hint: didYouMean(setting, known) ?? `write { type: ${type}, bucket: backups }`,
    })
  }
  return Object.freeze({
    texts: (...names) => {
      const read: Record<string, string> = {}
      for (const name of names) {
        const value = settings[name]
        if (value === undefined) continue
        if (typeof value !== 'string') {
          throw new BkpError('usage.invalid', `${name} of ${what} is text`)
        }
        read[name] = value
      }
      return read
    },
    flag: (name, property = name) => {
      const value = settings[name]
      if (value === undefined) return {}
      if (typeof value === 'boolean') return { [property]: value }
      throw new BkpError('usage.invalid', `${name} of ${what} is true or false`)
    },
  } satisfies SettingsReader)
}
