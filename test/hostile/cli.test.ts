import { spawnSync } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { processTerminal } from '../../src/cli/terminal.ts'
import { stateDirectoryPath } from '../../src/execute/state-directory.ts'
import { inputsOf } from './inputs.ts'
import { outcomeOf, scene } from './run-hostile.ts'

const inputs = inputsOf('cli')
const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** `{here}` is the folder it runs in, `{root}` this project. */
interface Case {
  /** Shell text that makes what there is. */
  readonly prepare: string
  /** Command lines of bkp, one after the other. */
  readonly runs: readonly (readonly string[])[]
  readonly environment?: Readonly<Record<string, string>>
  readonly isTerminal?: boolean
  /** The folder of the process is removed. */
  readonly gone?: boolean
  /** Only root can make this. */
  readonly asRoot?: boolean
}

const isRoot = process.getuid?.() === 0
const caseOf = (name: string) => inputs.json(name) as Case

afterEach(() => {
  vi.restoreAllMocks()
})

async function said(hostile: Case): Promise<string> {
  const { here, remove } = scene()
  const filled = (text: string) => text.replaceAll('{here}', here).replaceAll('{root}', root)
  try {
    const { status, stderr } = spawnSync('sh', ['-e'], {
      input: filled(hostile.prepare),
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([0, ''])
    const { environment = { BKP_STATE_DIR: join(here, 'state') }, isTerminal = false } = hostile
    let text = ''
    for (const words of hostile.runs) {
      const folder = hostile.gone ? { terminal: goneTerminal() } : {}
      const options = { environment, isTerminal, ...folder }
      const outcome = await outcomeOf(here, words.map(filled), options)
      text += `$ bkp ${words.join(' ')}\n${outcome.replaceAll(root, '{root}')}`
    }
    return text
  } finally {
    remove()
  }
}

/** What a process knows of its folder once that is removed. */
function goneTerminal() {
  vi.spyOn(process, 'cwd').mockImplementation(() => {
    throw Object.assign(new Error('uv_cwd'), { code: 'ENOENT' })
  })
  return processTerminal()
}

describe('a command in hostile surroundings', () => {
  test.each(inputs.names.filter(name => isRoot || !caseOf(name).asRoot))('%s', async name => {
    await expect(await said(caseOf(name))).toMatchFileSnapshot(inputs.expected(name))
  })

  test('76 HOME unset: the state is in the home of the user all the same', () => {
    expect(stateDirectoryPath(undefined, () => undefined)).toBe(
      join(homedir(), '.local', 'state', 'bkp'),
    )
  })
})
