import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CliOutcome, runCli } from '../cli/run-cli.ts'
import { makeWorkspace, type Workspace } from '../slice/bkp.ts'
import { type Listing, listing, runHere } from '../slice/listing.ts'

/** A host of these tests is this machine; each has a folder of its own. */
export const hosts: readonly string[] = ['alpha', 'beta']

export interface Scene extends Workspace {
  /** The tree of a host that is backed up and restored. */
  tree(host: string): string
  /** The folder that the tree lies in, with whatever a restore puts beside it. */
  parent(host: string): string
  listTree(host: string): Listing
  /** Whether a manifest or block can be there. */
  hasRepository(): boolean
  /** Runs bkp in this process, where nothing is killed. */
  runInProcess(words: readonly string[]): Promise<CliOutcome>
  /** Copies the workspace's storage and trees away, or back. */
  save(name: string): void
  load(name: string): void
}

/** A workspace with local hosts, an inventory, and small trees in a first or second version. */
export function makeScene(): Scene {
  const workspace = makeWorkspace()
  const parent = (host: string): string => join(workspace.folder, 'hosts', host)
  const tree = (host: string): string => join(parent(host), 'tree')
  const kept = ['vault', 'hosts', 'state']
  writeFileSync(workspace.inventory, inventoryText(workspace, tree))
  return Object.freeze({
    ...workspace,
    tree,
    parent,
    listTree: (host: string) => listing(runHere, tree(host)),
    runInProcess: (words: readonly string[]) =>
      runCli(words, {
        directory: workspace.folder,
        environment: { BKP_STATE_DIR: workspace.state },
      }),
    hasRepository: () =>
      existsSync(join(workspace.storage, 'manifests')) &&
      existsSync(join(workspace.storage, 'data')),
    save: (name: string) => {
      for (const part of kept)
        copy(join(workspace.folder, part), join(workspace.folder, name, part))
    },
    load: (name: string) => {
      for (const part of kept)
        copy(join(workspace.folder, name, part), join(workspace.folder, part))
    },
  })
}

function inventoryText(workspace: Workspace, tree: (host: string) => string): string {
  return [
    'all:',
    '  vars: { ansible_connection: local }',
    `  hosts: { ${hosts.map(host => `${host}: {}`).join(', ')} }`,
    'clusters:',
    '  tree:',
    '    kind: files',
    `    hosts: "${hosts.join(':')}"`,
    '    paths:',
    ...hosts.map(host => `      ${host}: [${tree(host)}]`),
    'storages:',
    `  vault: { type: file, path: ${workspace.storage} }`,
    '',
  ].join('\n')
}

/** A copy in place of what was there; times and links are kept. */
function copy(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true })
  if (!existsSync(from)) return
  mkdirSync(join(to, '..'), { recursive: true })
  // cp keeps nanoseconds, which node's copy does not.
  execFileSync('cp', ['-a', '--', from, to])
}

/** The first version of a host's tree: small files for a pack, a larger one, links, empty things. */
export function makeTree(scene: Scene, host: string): void {
  const folder = scene.tree(host)
  mkdirSync(join(folder, 'sub', 'empty'), { recursive: true })
  for (const name of ['a', 'b\n', 'sub/c']) writeFileSync(join(folder, name), `${host} ${name}`)
  writeFileSync(join(folder, 'empty'), '')
  writeFileSync(join(folder, 'large'), Buffer.alloc(1_200_000, `${host} first `))
  symlinkSync('nowhere', join(folder, 'link'))
}

/** The second version: changed, added and removed. */
export function changeTree(scene: Scene, host: string): void {
  const folder = scene.tree(host)
  writeFileSync(join(folder, 'a'), `${host} changed`)
  writeFileSync(join(folder, 'large'), Buffer.alloc(1_300_000, `${host} second `))
  writeFileSync(join(folder, 'added'), 'added')
  rmSync(join(folder, 'sub', 'c'))
}
