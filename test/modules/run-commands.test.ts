import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { command } from '../../src/modules/builtin/command.ts'
import { shell } from '../../src/modules/builtin/shell.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { applyOn } from '../contracts/module.ts'
import { shellHost } from './shell-host.ts'

const host = shellHost()
function run(module: ReturnType<typeof anyModule>, args: object) {
  if (module.scope !== 'host') throw new Error('not a host module')
  return applyOn(host, module.module, args)
}
const folder = mkdtempSync(join(tmpdir(), 'bkp-command-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('command', () => {
  it('passes words as they are', async () => {
    const result = await run(anyModule(command), {
      argv: ['printf', '%s|', "it's", '$HOME', '*', '', 5],
    })
    expect(result).toMatchObject({ rc: 0, stdout: "it's|$HOME|*||5|", stderr: '', msg: '' })
    expect(result['start']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
    expect(result['delta']).toMatch(/^0:00:\d\d\.\d{6}$/)
  })

  it('registers output without its last newline, and only that one', async () => {
    const result = await run(anyModule(command), { argv: ['printf', 'a\n\nb\n\n'] })
    expect(result['stdout']).toBe('a\n\nb\n')
    expect(result['stdout_lines']).toEqual(['a', '', 'b', ''])
  })

  it('feeds stdin and runs in a folder', async () => {
    const cat = await run(anyModule(command), { cmd: 'cat', stdin: 'x' })
    expect(cat['stdout']).toBe('x')
    const pwd = await run(anyModule(command), { cmd: 'pwd', chdir: folder })
    expect(pwd['stdout']).toBe(folder)
  })

  it('fails with its whole result, so that failed_when can still judge', async () => {
    const failing = run(anyModule(command), {
      argv: ['sh', '-c', 'echo out; echo err >&2; exit 3'],
    })
    await expect(failing).rejects.toMatchObject({
      code: 'command.failed',
      details: {
        host: 'here',
        exit_status: 3,
        stderr: 'err',
        result: { rc: 3, stdout: 'out', stderr: 'err', msg: 'non-zero return code' },
      },
    })
  })

  it('gives the number of the signal that ended it', async () => {
    const killed = run(anyModule(command), { argv: ['sh', '-c', 'kill -9 $$'] })
    await expect(killed).rejects.toMatchObject({ details: { result: { rc: -9 } } })
  })
})

describe('shell', () => {
  it('runs pipes, and is guarded by what it creates', async () => {
    const args = { cmd: 'printf "b\\na\\n" | sort > out', chdir: folder, creates: 'out' }
    expect(await run(anyModule(shell), args)).toMatchObject({ rc: 0, cmd: args.cmd })
    const again = await run(anyModule(shell), args)
    expect(again).toMatchObject({ rc: 0, start: null, msg: 'not run, since out exists' })
  })
})
