import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CliOptions, runCli } from '../cli/run-cli.ts'

/** Hosts that are this machine, one with a password that nothing may show. */
const inventory = `all:
  vars: { ansible_connection: local, ansible_password: { file: canary } }
  hosts: { here: {} }
`

/** A folder to run in; `here` is its path. */
export function scene(): { readonly here: string; remove(): void } {
  const here = realpathSync(mkdtempSync(join(tmpdir(), 'bkp-hostile-')))
  writeFileSync(join(here, 'inventory.yml'), inventory)
  writeFileSync(join(here, 'canary'), 'canary-4711-canary')
  return { here, remove: () => rmSync(here, { recursive: true, force: true }) }
}

/** Runs bkp and gives what it said, without what differs from run to run. */
export async function outcomeOf(
  here: string,
  words: readonly string[],
  options: CliOptions = {},
): Promise<string> {
  const { status, stdout, stderr } = await runCli(words, {
    directory: here,
    environment: { BKP_STATE_DIR: join(here, 'state') },
    ...options,
  })
  const text = `${stdout}${stderr === '' ? '' : `--- standard error\n${stderr}`}`
  return `${steady(text, here)}exit status ${status}\n`
}

function steady(text: string, here: string): string {
  return text
    .replaceAll(here, '{here}')
    .replaceAll(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ /gm, '')
    .replaceAll(/\d{8}_\d{6}(-[0-9a-f]{6})?/g, '{run}')
    .replaceAll(/Digest [0-9a-f]{12}/g, 'Digest {digest}')
    .replaceAll(/\d+ bytes were stored/g, '{bytes} bytes were stored')
    .replaceAll(/ ─+$/gm, '')
}
