import { readFileSync } from 'node:fs'

/** The version in package.json, beside which both `src` and `dist` lie. */
export const toolVersion: string = readVersion()

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const parsed: unknown = JSON.parse(text)
  const version = (parsed as { readonly version?: unknown }).version
  return typeof version === 'string' ? version : 'unknown'
}
