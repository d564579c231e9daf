import { readFileSync } from 'node:fs'
import { BkpError } from '../base/errors.ts'
import type { JsonSchema } from '../modules/catalogue.ts'
import type { KeywordOwner } from './playbook/keywords.ts'

/** The schemas that playbooks are validated with, by what they describe. */
export type KeywordSchemas = Readonly<Record<KeywordOwner, JsonSchema>>

/** The same file from src/ and from dist/. */
const keywordsFile = new URL('../../schemas/keywords.json', import.meta.url)

let loaded: KeywordSchemas | undefined

/**
 * The emitted schemas of keywords: read as JSON, because importing typebox costs 120 ms.
 * @throws internal when the file is missing: the installation is broken
 */
export function loadKeywordSchemas(): KeywordSchemas {
  try {
    // The file is ours: a test compares it with the code it is generated from.
    loaded ??= JSON.parse(readFileSync(keywordsFile, 'utf8')) as KeywordSchemas
    return loaded
  } catch (cause) {
    throw new BkpError('internal', `${keywordsFile.pathname} cannot be read`, {
      cause,
      hint: 'the installation is not whole: install bkp again',
    })
  }
}
