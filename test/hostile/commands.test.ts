import { spawnSync } from 'node:child_process'
import { afterAll, describe, expect, test } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { quoteWords, script } from '../../src/connection/quote.ts'
import { shellHost } from '../connection/support.ts'
import { inputsOf } from './inputs.ts'
import { toldLater } from './told.ts'

const inputs = inputsOf('commands')
const connected = shellHost()
afterAll(() => connected.close())

/** A program that prints its words, each ended by a NUL. */
const printing = (words: readonly string[]): readonly string[] => ['printf', '%s\\0', ...words]

/** What a program on a host says to these words. */
async function onHost(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await connected.host.run({ argv: words }, quietIo)
  const said = Buffer.from(code === 0 ? stdout : stderr).toString()
  return code === 0 ? said : `the host says: ${said.replace(/^.*: /, '')}exit status ${code}\n`
}

/** What the shells themselves make of the words as they are quoted. */
function inShell(shell: string, words: readonly string[]): string {
  const input = Buffer.from(script`${quoteWords(printing(words))}`)
  return spawnSync(shell, [], { input, maxBuffer: 1 << 24 }).stdout.toString()
}

describe('a hostile argument reaches the program as it is, and no shell', () => {
  test.each(inputs.names)('%s', async name => {
    const words = inputs.json(name) as readonly string[]
    const asWritten = words.map(word => `${word}\0`).join('')
    const said = await toldLater(async () => {
      // A hostile program, where the name of the file says so.
      const got = await onHost(name.includes('program') ? words : printing(words))
      return got === asWritten ? 'as it is\n' : got
    })
    await expect(said).toMatchFileSnapshot(inputs.expected(name))
    if (said.includes('command.invalid') || words.length === 0) return
    for (const shell of ['dash', 'bash']) expect(inShell(shell, words) === asWritten).toBe(true)
  })
})
