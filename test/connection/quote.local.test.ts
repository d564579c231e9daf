import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/base/secret.ts'
import {
  commandScript,
  quoteGlob,
  quotePath,
  quoteWord,
  quoteWords,
  script,
} from '../../src/connection/quote.ts'
import '../property-cases.ts'

/** What a shell makes of shell text: the words that printf got. */
function wordsOf(shell: string, text: Uint8Array): Buffer {
  const input = Buffer.concat([Buffer.from('export LC_ALL=C\n'), text, Buffer.from('\n')])
  const { status, stdout, stderr } = spawnSync(shell, [], { input, maxBuffer: 64 * 1024 * 1024 })
  expect([status, stderr.toString()]).toEqual([0, ''])
  return stdout
}

const notNul = fc.integer({ min: 1, max: 255 })
const bytes = fc.array(notNul, { maxLength: 40 }).map(list => Uint8Array.from(list))
const nasty = fc.constantFrom(
  '',
  '-',
  '--',
  '-n',
  '*',
  '?',
  '[a]',
  '~',
  '~root',
  '#',
  '!',
  '!!',
  '$HOME',
  '$(id)',
  '`id`',
  "'",
  '"',
  `'"'"'`,
  '\\',
  '\n',
  ' ',
  '\t',
  ';',
  '&',
  '|',
  '<',
  '>',
  '{a,b}',
  'a=b',
  '\u202e',
  '\u00e9',
)
const word = fc.oneof(
  bytes,
  nasty,
  fc.string({ unit: 'binary' }).map(s => s.replaceAll('\0', '')),
)

describe('quoteWord', () => {
  it.each(['dash', 'bash'])('gives back the same words in %s', shell => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), words => {
        const text = script`printf '%s\\0' ${quoteWords(words)}`
        const wanted = words.flatMap(w => [Buffer.from(w as string), Buffer.alloc(1)])
        expect(wordsOf(shell, text).equals(Buffer.concat(wanted))).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it('gives back every byte and a word of 200 kB', () => {
    const all = Uint8Array.from({ length: 255 }, (_, index) => index + 1)
    const long = Buffer.alloc(200_000, `it's `)
    for (const shell of ['dash', 'bash']) {
      expect(wordsOf(shell, script`printf %s ${quoteWord(all)}`).equals(all)).toBe(true)
      expect(wordsOf(shell, script`printf %s ${quoteWord(long)}`).equals(long)).toBe(true)
    }
  })

  it('refuses what no program can be given, and secrets where ps would show them', () => {
    const invalid = expect.objectContaining({ code: 'command.invalid' })
    expect(() => quoteWord('a\0b')).toThrow(invalid)
    expect(() => quoteWords([])).toThrow(invalid)
    expect(() => quoteWords(['echo', new Secret('x')])).toThrow(invalid)
    expect(quoteWord(new Secret('x y')).toString()).toBe(`'x y'`)
  })
})

describe('quotePath', () => {
  it('keeps relative paths from being taken for options', () => {
    expect(quotePath('-rf').toString()).toBe('./-rf')
    expect(quotePath('/a b').toString()).toBe(`'/a b'`)
    expect(() => quotePath('')).toThrow(expect.objectContaining({ code: 'command.invalid' }))
  })
})

describe('quoteGlob', () => {
  it('leaves the meaning of patterns and of nothing else', () => {
    const text = (glob: string) =>
      wordsOf('dash', script`printf '%s\n' ${quoteGlob(glob)}`).toString()
    expect(text('/etc/pass[v-x]?')).toContain('/etc/passwd\n')
    expect(text('/etc/pass[!a-v]*')).toContain('/etc/passwd\n')
    expect(text(`/$HOME/~ 'x' {a,b} \\ \n \u00e9`)).toBe(`/$HOME/~ 'x' {a,b} \\ \n \u00e9\n`)
  })
})

describe('commandScript', () => {
  it('exports, changes folder, executes', () => {
    const text = commandScript({
      argv: ['sh', '-c', 'printf "%s %s" "$A" "$PWD"'],
      env: { A: new Secret(`it's`) },
      cwd: '/usr',
    })
    expect(wordsOf('dash', text).toString()).toBe(`it's /usr`)
  })

  it.each([[[]], [['', 'x']], [['-x', 'y']], [['--help']]])('refuses %j: no program', argv => {
    expect(() => commandScript({ argv }, ['setsid'])).toThrow(
      expect.objectContaining({ code: 'command.invalid' }),
    )
  })

  it('refuses a name that is no name', () => {
    expect(() => commandScript({ argv: ['true'], env: { 'A;id': 'x' } })).toThrow(
      expect.objectContaining({ code: 'command.invalid' }),
    )
  })
})
