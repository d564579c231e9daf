import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../servers/free-port.ts'
import type { S3Server } from '../servers/s3-server.ts'
import { startVersitygw } from '../servers/versitygw.ts'
import { explain, makeWorkspace, type Outcome, playbooks, type Workspace } from './bkp.ts'
import type { FleetStore } from './fleet.ts'
import { s3Store } from './s3-store.ts'

let server: S3Server
let workspace: Workspace
let store: FleetStore
let site: string

beforeAll(async () => {
  server = await startVersitygw()
  workspace = makeWorkspace()
  store = s3Store(server, 'team/site', workspace)
  site = join(workspace.folder, 'site')
  mkdirSync(site)
  writeFileSync(join(site, 'app.conf'), 'workers = 4\n')
  writeFileSync(workspace.inventory, inventory(store.definition))
})
afterAll(async () => {
  workspace?.remove()
  await server?.stop()
})

const inventory = (vault: FleetStore['definition']): string =>
  JSON.stringify({
    all: { hosts: { here: { ansible_connection: 'local' } } },
    clusters: { tree: { kind: 'files', hosts: 'here', paths: [site] } },
    storages: { vault },
  })

const run = (words: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome =>
  workspace.run(words, { env: { ...store.env, ...env } })

/** Runs bkp with the storage changed in some way. */
function runWith(changed: Readonly<Record<string, unknown>>, words: readonly string[]): Outcome {
  const path = join(workspace.folder, 'other.yml')
  writeFileSync(path, inventory({ ...store.definition, ...changed }))
  return run([...words, '-i', path])
}

describe('bkp with a storage in S3', () => {
  it('backs up, lists, shows, verifies and restores, by name and by URL', () => {
    const stored = run(['run', playbooks.backup, '-i', workspace.inventory])
    expect(stored.status, explain(stored)).toBe(0)
    expect(stored.stderr).toBe('')
    for (const place of [[store.url], ['vault', '-i', workspace.inventory]]) {
      const listed = run(['list', ...place, '--json'])
      expect(listed.status, explain(listed)).toBe(0)
      expect(listed.stderr).toBe('')
      expect(JSON.parse(listed.stdout)).toMatchObject({
        repository: { url: store.url, format: 1 },
        backups: [{ state: 'complete', cluster: { name: 'tree' } }],
      })
      const [name = '', ...words] = place
      const shown = run(['show', name, 'latest', '--json', ...words])
      expect(shown.status, explain(shown)).toBe(0)
      expect(shown.stdout).toContain('app.conf')
      const verified = run(['verify', ...place, '--read-data'])
      expect(verified.status, explain(verified)).toBe(0)
      expect(verified.stderr).toBe('')
    }
    writeFileSync(join(site, 'app.conf'), 'workers = 64\n')
    const restored = run(['run', playbooks.restore, '-i', workspace.inventory, '--confirm=tree'])
    expect(restored.status, explain(restored)).toBe(0)
    expect(readFileSync(join(site, 'app.conf'), 'utf8')).toBe('workers = 4\n')
  })

  it('races over the storage once, not for each backup', async () => {
    const probes = async (): Promise<readonly string[]> =>
      ((await store.state()) as readonly { readonly key: string; readonly facts: string }[])
        .filter(({ key }) => key.includes('/probe/'))
        .map(({ key, facts }) => `${key} ${facts}`)
    const before = await probes()
    expect(before).toHaveLength(1)
    const again = run(['run', playbooks.backup, '-i', workspace.inventory])
    expect(again.status, explain(again)).toBe(0)
    expect(await probes()).toEqual(before)
  })

  it('finds credentials in a profile, and goes without an inventory', () => {
    const home = join(workspace.folder, '.aws')
    mkdirSync(home)
    writeFileSync(
      join(home, 'credentials'),
      `[team]\naws_access_key_id = ${server.accessKeyId}\naws_secret_access_key = ${server.secretAccessKey}\n`,
    )
    const words = ['list', `${store.url}&profile=team`]
    for (const env of [{}, { AWS_ACCESS_KEY_ID: 'other', AWS_SECRET_ACCESS_KEY: 'other' }]) {
      const outcome = workspace.run(words, { env: { AWS_EC2_METADATA_DISABLED: 'true', ...env } })
      expect(outcome.status, explain(outcome)).toBe(0)
      expect(outcome.stderr).toBe('')
    }
    rmSync(home, { recursive: true })
  })

  it('says what is wrong with the bucket and the credentials, exit status 2', () => {
    const list = ['list', 'vault']
    const cases: readonly (readonly [Outcome, string, string])[] = [
      [runWith({ bucket: 'nowhere' }, list), 'no such bucket', 'bkp creates no buckets'],
      [
        runWith({ credentials: { access_key_id: 'AKIAWRONG', secret_access_key: 'x' } }, list),
        'does not know the access key',
        'check the credentials',
      ],
      [
        run([...list, '-i', workspace.inventory], { AWS_SECRET_ACCESS_KEY: 'wrong-wrong-wrong' }),
        'secret access key is wrong',
        'check the credentials',
      ],
      [
        workspace.run(['list', store.url], { env: { AWS_EC2_METADATA_DISABLED: 'true' } }),
        'no credentials were found',
        'AWS_ACCESS_KEY_ID',
      ],
    ]
    for (const [outcome, what, hint] of cases) {
      expect(outcome.status, explain(outcome)).toBe(2)
      expect(outcome.stderr).toContain(what)
      expect(outcome.stderr).toContain(hint)
      expect(outcome.stderr).not.toContain('wrong-wrong')
      expect(outcome.stderr).not.toMatch(/ at .*\(|Warning/)
    }
  })

  it('says that no server answers, exit status 4', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`
    for (const words of [
      ['list', 'vault'],
      ['run', playbooks.backup],
      ['plan', playbooks.backup],
    ]) {
      const outcome = runWith({ endpoint }, words)
      expect(outcome.status, explain(outcome)).toBe(4)
      expect(outcome.stderr + outcome.stdout).toContain(`no answer from ${endpoint}`)
      expect(outcome.stderr + outcome.stdout).toContain('check the endpoint')
    }
  })

  it('refuses settings that are wrong at their line, exit status 6', () => {
    const outcome = runWith({ bucket: undefined, endpiont: 'x' }, ['list', 'vault'])
    expect(outcome.status, explain(outcome)).toBe(6)
    expect(outcome.stderr).toContain('bucket')
    expect(outcome.stderr).toContain('endpoint')
  })

  it('refuses URLs with credentials and does not show them, exit status 5', () => {
    for (const url of [
      's3://AKID:hunter2@backups/x',
      's3://backups?endpoint=http://u:hunter2@localhost',
      's3://backups?secret=hunter2',
    ]) {
      const outcome = run(['list', url])
      expect(outcome.status, explain(outcome)).toBe(5)
      expect(outcome.stdout + outcome.stderr).not.toContain('hunter2')
    }
  })
})
