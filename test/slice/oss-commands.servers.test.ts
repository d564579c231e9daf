import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OssProcess, startOssProcess } from '../servers/oss-server-process.ts'
import { explain, makeWorkspace, type Outcome, playbooks, type Workspace } from './bkp.ts'

let server: OssProcess
let workspace: Workspace
let site: string
let definition: Readonly<Record<string, unknown>>
let url: string

beforeAll(async () => {
  server = await startOssProcess()
  workspace = makeWorkspace()
  site = join(workspace.folder, 'site')
  mkdirSync(site)
  writeFileSync(join(site, 'app.conf'), 'workers = 4\n')
  definition = {
    type: 'oss',
    bucket: 'backups',
    prefix: 'team/site',
    region: 'oss-cn-hangzhou',
    endpoint: server.endpoint,
    credentials: { access_key_id: { env: 'KEY_ID' }, access_key_secret: { env: 'KEY' } },
  }
  url = `oss://backups/team/site?endpoint=${server.endpoint}&region=oss-cn-hangzhou`
  writeFileSync(workspace.inventory, inventory())
})
afterAll(async () => {
  workspace?.remove()
  await server?.stop()
})

const inventory = (changed: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    all: { hosts: { here: { ansible_connection: 'local' } } },
    clusters: { tree: { kind: 'files', hosts: 'here', paths: [site] } },
    storages: { vault: { ...definition, ...changed } },
  })

/** Runs bkp; what it says never holds the key. */
function run(words: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome {
  const { accessKeyId, accessKeySecret } = server
  const outcome = workspace.run(words, {
    env: { KEY_ID: accessKeyId, KEY: accessKeySecret, ...env },
  })
  expect(outcome.stdout + outcome.stderr).not.toContain(accessKeySecret)
  return outcome
}

describe('bkp with a storage in OSS', () => {
  it('backs up, lists, verifies and restores, by name and by URL', () => {
    const stored = run(['run', playbooks.backup, '-i', workspace.inventory])
    expect(stored.status, explain(stored)).toBe(0)
    expect(stored.stderr).toBe('')
    const environment = {
      OSS_ACCESS_KEY_ID: server.accessKeyId,
      OSS_ACCESS_KEY_SECRET: server.accessKeySecret,
    }
    for (const place of [[url], ['vault', '-i', workspace.inventory]]) {
      const listed = run(['list', ...place, '--json'], environment)
      expect(listed.status, explain(listed)).toBe(0)
      expect(JSON.parse(listed.stdout)).toMatchObject({
        repository: { url },
        backups: [{ state: 'complete', cluster: { name: 'tree' } }],
      })
      const verified = run(['verify', ...place, '--read-data'], environment)
      expect(verified.status, explain(verified)).toBe(0)
      expect(verified.stderr).toBe('')
    }
    writeFileSync(join(site, 'app.conf'), 'workers = 64\n')
    const restored = run(['run', playbooks.restore, '-i', workspace.inventory, '--confirm=tree'])
    expect(restored.status, explain(restored)).toBe(0)
    expect(readFileSync(join(site, 'app.conf'), 'utf8')).toBe('workers = 4\n')
  })

  it('says what is wrong with the key', () => {
    const wrong = run(['list', 'vault', '-i', workspace.inventory], { KEY: 'wrong-wrong' })
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toContain('the signature is wrong')
    const nobody = run(['list', url])
    expect(nobody.status).toBe(2)
    expect(nobody.stderr).toContain('OSS_ACCESS_KEY_ID')
  })
})
