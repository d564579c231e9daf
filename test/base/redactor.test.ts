import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRedactor, mask, type Redactor, Secret } from '../../src/base/secret.ts'
import { escapeControls } from '../../src/base/text.ts'

function redactorOf(...values: readonly string[]): Redactor {
  const redactor = createRedactor()
  for (const value of values) redactor.register(new Secret(value))
  return redactor
}

const bytes = (text: string): Buffer => Buffer.from(text)
const jsonInner = (text: string): string => JSON.stringify(text).slice(1, -1)

/** How a secret gets into text, by who writes it. */
const embeddings: Readonly<Record<string, (secret: string) => string>> = {
  'as it is': secret => secret,
  encodeURIComponent: secret => encodeURIComponent(secret),
  'lower-case escapes': secret =>
    encodeURIComponent(secret).replace(/%../g, found => found.toLowerCase()),
  'a form': secret => new URLSearchParams({ p: secret }).toString().slice(2),
  base64: secret => bytes(secret).toString('base64'),
  base64url: secret => bytes(secret).toString('base64url'),
  hex: secret => bytes(secret).toString('hex'),
  'upper-case hex': secret => bytes(secret).toString('hex').toUpperCase(),
  JSON: secret => jsonInner(secret),
  'JSON in JSON': secret => jsonInner(jsonInner(secret)),
  'a single-quoted shell word': secret => secret.replaceAll("'", "'\\''"),
  'a double-quoted shell word': secret => secret.replace(/["$\\`]/g, found => `\\${found}`),
  'YAML in single quotes': secret => secret.replaceAll("'", "''"),
  'a terminal': secret => escapeControls(secret, { newlines: false }),
}

/** Text of any kind, and of the kinds that look like what surrounds secrets. */
const noise = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', ' ', '"', "'", '%', '=', '\\', 'password=', '{"p":"', '-p', '\n', 'a'),
)
// Half a surrogate pair has no UTF-8, and the mask itself is what is left.
const secretText = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 4, maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('a', "'", '"', '\\', '%', ' ', '+', 'é'), minLength: 4 }),
  )
  .filter(text => text.length >= 4 && bytes(text).toString() === text && !text.includes('•'))

describe('any secret in any embedding is absent', () => {
  test.each(Object.entries(embeddings))('%s', (_name, embed) => {
    fc.assert(
      fc.property(secretText, noise, noise, (secret, before, after) => {
        const shown = redactorOf(secret).redact(before + embed(secret) + after)
        expect(shown).toContain(mask)
        expect(shown).not.toContain(embed(secret))
        expect(shown).not.toContain(secret)
      }),
    )
  })

  test('base64 of a longer text that holds it, at each alignment', () => {
    const long = secretText.filter(text => bytes(text).length >= 6)
    fc.assert(
      fc.property(long, fc.string(), fc.string(), fc.boolean(), (secret, before, after, isUrl) => {
        const encoding = isUrl ? 'base64url' : 'base64'
        const text = bytes(before + secret + after).toString(encoding)
        const shown = redactorOf(secret).redact(text)
        expect(shown).toContain(mask)
        // What is left of it are the characters at its ends that also depend on its neighbours.
        const bits = bytes(secret).length * 8
        expect(text.length - shown.replaceAll(mask, '').length).toBeGreaterThanOrEqual(
          Math.floor(bits / 6) - 1,
        )
      }),
    )
  })

  test('several secrets that overlap leave nothing of each other', () => {
    const shown = redactorOf('abcd1234', '1234efgh', 'efgh').redact('x abcd1234efgh y')
    expect(shown).toBe(`x ${mask} y`)
    expect(redactorOf('abab').redact('ababab')).toBe(mask)
    expect(redactorOf('pass', 'password1').redact('password1')).toBe(mask)
  })
})

describe('what programs print', () => {
  const value = `it's $HOME "x\\y" & <b> ü`

  test.each(['bash', 'dash', 'sh'])('%s with set -x', shell => {
    const { stderr } = runShell(shell, 'set -x; : "$1"', value)
    expect(stderr).toContain(':')
    expect(redactorOf(value).redact(stderr)).toContain(mask)
    expect(redactorOf(value).redact(stderr)).not.toMatch(/HOME|<b>/)
  })

  test('base64 in lines of 76 columns', () => {
    const key = `-----BEGIN KEY-----\n${'k3yMaterial+/'.repeat(40)}\n-----END KEY-----`
    const { stdout } = runShell('sh', 'printf %s "$1" | base64', key)
    expect(stdout.split('\n').length).toBeGreaterThan(5)
    expect(redactorOf(key).redact(stdout).replaceAll(mask, '').trim()).toBe('')
  })

  test('one line of a secret of several', () => {
    const redactor = redactorOf('{\n  "type": "service",\n  "private_key": "abcdefgh"\n}')
    expect(redactor.redact('  "private_key": "abcdefgh"')).toBe(`  ${mask}`)
    expect(redactor.redact('  }')).toBe('  }')
  })
})

function runShell(
  shell: string,
  script: string,
  argument: string,
): { readonly stdout: string; readonly stderr: string } {
  const both = execFileSync('sh', ['-c', '"$@" 2>&1', 'sh', shell, '-c', script, 'x', argument], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8' },
  })
  return { stdout: both, stderr: both }
}

describe('a stream', () => {
  test('shows what the text as a whole would show, however it is cut', () => {
    const cuts = fc.array(fc.nat(30), { maxLength: 20 })
    fc.assert(
      fc.property(
        fc.array(secretText, { maxLength: 3 }),
        noise,
        cuts,
        (secrets, between, sizes) => {
          const redactor = redactorOf(...secrets)
          const text = secrets.flatMap(secret => [between, secret, secret]).join('') + between
          const stream = redactor.stream()
          let shown = ''
          let at = 0
          for (const size of sizes) {
            shown += stream.write(text.slice(at, at + size))
            at += size
          }
          shown += stream.write(text.slice(at)) + stream.end()
          expect(collapsed(shown)).toBe(collapsed(redactor.redact(text)))
        },
      ),
    )
  })

  test('gives out what cannot be a secret any more', () => {
    const stream = redactorOf('hunter2-hunter2').stream()
    const shown = stream.write('x'.repeat(10_000))
    expect(shown.length).toBeGreaterThan(9000)
    expect(shown + stream.end()).toBe('x'.repeat(10_000))
  })
})

/** A stream may have to write dots twice where two secrets touch. */
function collapsed(text: string): string {
  return text.replace(/•+/g, mask)
}

describe('limits', () => {
  test('secrets of less than 4 characters are not looked for', () => {
    expect(redactorOf('abc', '').redact('abc abcabc')).toBe('abc abcabc')
    expect(redactorOf('abcd').redact('abcd')).toBe(mask)
  })

  test('many secrets and much text cost no more than the text', () => {
    const secrets = Array.from({ length: 2000 }, (_, index) => `s3cret-${index}-${index * 7919}`)
    const text = `some ordinary output of a backup, ${secrets[1234]}; `.repeat(20_000)
    const costOf = (...some: readonly string[]) => {
      const redactor = redactorOf(...some)
      const started = performance.now()
      const shown = redactor.redact(text)
      return { shown, milliseconds: performance.now() - started }
    }
    const few = costOf(...secrets.slice(1230, 1235))
    const { shown, milliseconds } = costOf(...secrets)
    // Looking for one after the other takes 30 times as long.
    expect(milliseconds).toBeLessThan(8 * few.milliseconds + 100)
    expect(shown).not.toContain('s3cret')
  })
})
