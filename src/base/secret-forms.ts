import { escapeControls } from './text.ts'

/** Lines of a secret of several lines (a key, a JSON credential) are looked for one by one, too. */
const shortestLine = 8

/** Columns at which `base64` and PEM writers break lines. */
const base64Columns = [76, 64]

/**
 * The texts in which a secret may turn up: as it is, each of its lines, and both as URLs, JSON, XML,
 * SQL and shells write them, in hex, and in base64 wherever it stands in the encoded bytes.
 */
export function secretForms(value: string): ReadonlySet<string> {
  const lines = value
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => line.length >= shortestLine)
  const written = [value, ...lines].flatMap(text => [text, ...quotations(text)])
  const forms = [
    ...written,
    // What quotes a value is itself often quoted again: JSON in the JSON of an event.
    ...written.flatMap(json),
    ...[value, ...lines].flatMap(encodings),
  ]
  return new Set([...forms, ...forms.map(form => escapeControls(form, { newlines: false }))])
}

/** A text as the languages around it quote it, without the quotes at both ends. */
function quotations(text: string): readonly string[] {
  return [
    ...json(text),
    // Shells inside single quotes: most of them, dash with `set -x`, and printf %q.
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    text.replace(/[^\w./:=@%+,-]/g, character => `\\${character}`),
    text.replace(/["$\\`]/g, character => `\\${character}`),
    text.replaceAll("'", "\\'"),
    // SQL and YAML
    text.replaceAll("'", "''"),
    ...xml(text),
  ]
}

function json(text: string): readonly string[] {
  const once = JSON.stringify(text).slice(1, -1)
  const ascii = once.replace(/[^\0-\x7e]/g, unit => {
    const code = unit.charCodeAt(0).toString(16).padStart(4, '0')
    return `\\u${code}`
  })
  return [once, ascii]
}

function xml(text: string): readonly string[] {
  const common = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return [
    common,
    common.replaceAll('"', '&quot;'),
    common.replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
    common.replaceAll('"', '&#34;').replaceAll("'", '&#39;'),
    common.replaceAll('"', '&quot;').replaceAll("'", '&apos;'),
  ]
}

function encodings(text: string): readonly string[] {
  // Half of a surrogate pair has no UTF-8: encodeURIComponent would throw.
  const bytes = Buffer.from(text)
  const whole = bytes.toString('utf8')
  const urls = [encodeURIComponent(whole), strictUrl(whole), encodeURI(whole), formUrl(whole)]
  const hex = bytes.toString('hex')
  return [...urls, ...urls.map(lowerEscapes), hex, hex.toUpperCase(), ...base64Forms(bytes)]
}

/** RFC 3986: what signatures of S3 and OSS are made of. */
function strictUrl(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** What browsers make of a form's field. */
function formUrl(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

function lowerEscapes(url: string): string {
  return url.replace(/%[0-9A-F]{2}/g, found => found.toLowerCase())
}

/**
 * Base64 of bytes that may stand anywhere in what is encoded: of each of the three alignments the
 * characters that depend on nothing else.
 */
function base64Forms(bytes: Buffer): readonly string[] {
  const whole = bytes.toString('base64')
  const aligned = [0, 1, 2].map(before => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const bits = (before + bytes.length) * 8
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(bits / 6))
  })
  const standard = [whole, ...aligned, ...base64Columns.flatMap(width => wrapped(whole, width))]
  return [...standard, ...standard.map(urlSafe), ...standard.map(encodeURIComponent)]
}

/** The lines of a text that is broken at a width; short last ones are left out. */
function wrapped(text: string, width: number): readonly string[] {
  if (text.length <= width) return []
  const lines = text.match(new RegExp(`.{1,${width}}`, 'g')) ?? []
  return lines.filter(line => line.length >= shortestLine)
}

function urlSafe(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
