import { afterAll, describe, expect, test } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { file } from '../../src/connection/probes.ts'
import { rootsByHost } from '../../src/modules/repository/backing-up/path-arguments.ts'
import { pathFault, showPath } from '../../src/repository/logical-path.ts'
import { key } from '../../src/storage/key.ts'
import { bytesOf, shellHost, temporaryFolder } from '../connection/support.ts'
import { inventoryOf } from '../runbook/support/inventory.ts'
import { inputsOf } from './inputs.ts'
import { told, toldLater } from './told.ts'

const inputs = inputsOf('paths')
const connected = shellHost()
const folder = await temporaryFolder()
afterAll(async () => {
  await connected.close()
  await folder.remove()
})

interface Named {
  readonly file?: string
  readonly file_base64?: string
}

/** Writes a file of that name over a host's shell and reads it back. */
async function onHost(name: Uint8Array): Promise<string> {
  const path = Buffer.concat([Buffer.from(`${folder.path}/`), name])
  const content = Buffer.from(`the file ${showPath(name)}`)
  const pieces = (async function* () {
    yield content
  })()
  await connected.host.write(path, pieces, { mode: '0600' }, quietIo)
  const { found } = await connected.host.ask({ found: file(path) }, quietIo)
  const read = await bytesOf(connected.host.read(path, quietIo))
  return `${found.kind}, read back ${read.equals(content) ? 'as it was' : 'as something else'}\n`
}

describe('hostile names of files', () => {
  test.each(inputs.names.filter(name => name.startsWith('49-')))('%s', async name => {
    const input = inputs.json(name) as Named
    const bytes = Buffer.from(
      input.file_base64 ?? input.file ?? '',
      input.file_base64 ? 'base64' : 'utf8',
    )
    const fault = pathFault(bytes)
    const lines = [
      `shown: ${showPath(bytes)}`,
      `in a backup: ${fault === undefined ? 'fine' : `refused: it ${fault}`}`,
      `on a host: ${(await toldLater(() => onHost(bytes))).replaceAll(folder.path, '{folder}')}`,
    ]
    await expect(lines.join('\n')).toMatchFileSnapshot(inputs.expected(name))
  })
})

/** Where a step that names the path would find it, and under what name it is kept. */
function rootsOf(path: string): string {
  const roots = rootsByHost([path], { settings: {}, hosts: ['h'], immutable: false })
  return (roots.get('h') ?? []).map(root => showPath(root.source)).join()
}

describe('hostile paths', () => {
  test.each(inputs.names.filter(name => name.startsWith('50-')))('%s', async name => {
    const { path } = inputs.json(name) as { readonly path: string }
    const inventory = (paths: readonly string[]): string =>
      JSON.stringify({
        all: { hosts: { h: null } },
        clusters: { c: { kind: 'files', hosts: 'h', paths } },
      })
    const fault = pathFault(Buffer.from(path))
    const lines = [
      `in a backup: ${fault === undefined ? 'fine' : `refused: it ${fault}`}`,
      `as a key of a storage: ${told(() => `fine${key(path).slice(0, 0)}`).trimEnd()}`,
      `in an inventory: ${told(() => `fine${inventoryOf(inventory([path])).warnings}`).trimEnd()}`,
      `in a step: ${told(() => `fine: ${rootsOf(path)}`).trimEnd()}`,
      '',
    ]
    await expect(lines.join('\n')).toMatchFileSnapshot(inputs.expected(name))
  })
})
