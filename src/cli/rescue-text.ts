import { escapeControls } from '../base/text.ts'
import { formatBytes } from '../base/units.ts'
import { type BackupSummary, summarize } from '../repository/catalogue.ts'
import type { KitFile } from '../repository/extract/recovery-kit.ts'
import { showPath } from '../repository/logical-path.ts'
import type { Backup, Repository } from '../repository/repository.ts'

/** The folder of the kit's files, beside what is written about them. */
export const kitFolder = 'kit'

/** What is known of a backup, for `backup.json`. */
export function rescueFacts(repo: Repository, backup: Backup): Readonly<Record<string, unknown>> {
  const meta = backup.manifest.backupMeta
  return {
    repository: { id: repo.id, url: repo.url, format: repo.format },
    backup: summarize(backup.name, backup.manifest, false),
    controller: meta?.source ?? '',
    tool_version: meta?.toolVersion ?? '',
    topology: parsed(meta?.cluster?.topologyJson),
    metadata: parsed(meta?.metadataJson),
    roots: (meta?.roots ?? []).map(({ host, root, source }) => ({
      host,
      path: Buffer.from(root).toString(),
      read_from: Buffer.from(source).toString(),
    })),
  }
}

/** Checked when the manifest was read. */
function parsed(json: string | undefined): unknown {
  return json === undefined || json === '' ? null : JSON.parse(json)
}

/** A word of a shell command: values come from a manifest, which anyone may have written. */
function word(text: string): string {
  const shown = escapeControls(text, { newlines: false })
  return /^[\w@%+=:,./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`
}

/** Text for a line of Markdown that is meant as it stands. */
function plain(text: string): string {
  return escapeControls(text, { newlines: false }).replaceAll('`', "'")
}

/** The instructions: exact commands, for a controller on which there is nothing yet. */
export function rescueReadme(repo: Repository, backup: Backup, files: readonly KitFile[]): string {
  const summary = summarize(backup.name, backup.manifest, false)
  const { name } = backup
  const storage = word(repo.url)
  const inventory = files.find(isInventory)
  const playbook = files.find(isPlaybook)
  const kind = summary.cluster.kind
  const inventoryWord = word(`${kitFolder}/${inventory?.place ?? 'inventory.yml'}`)
  return `# Backup ${name} of ${plain(summary.cluster.name)}

${facts(repo, backup, summary)}

Run the commands below in this folder.

## 1. Install bkp

It needs Node.js 20.19 or newer. This backup was written by bkp ${plain(backup.manifest.backupMeta?.toolVersion ?? '') || 'or another tool'};
any later one reads it. Put the credentials of the storage where its client looks for them: \`docs/storages.md\` of
bkp says where that is.

## 2. See that the backup is whole

\`\`\`sh
bkp show ${storage} ${name} | head
bkp verify ${storage} ${name} --read-data
\`\`\`

## 3. Get files back without a cluster

This needs neither the inventory nor a host:

\`\`\`sh
bkp extract ${storage} ${name} --to extracted
\`\`\`

## 4. Restore the cluster

${restore(summary, inventory, inventoryWord, name, kind)}
## 5. Without bkp

\`bendsave.md\` beside this file says how to read the storage with a shell, \`awk\`, \`dd\`, \`sha256sum\` and \`protoc\`.

## What is here

- \`backup.json\`: what the backup says of itself: hosts, paths, versions, topology, metadata.
- \`bendsave.md\`: the repository's own description and the schema of its files.
${files.map(file => `- \`${kitFolder}/${plain(file.place)}\`${roleOf(file, playbook, inventory)}`).join('\n')}
`
}

function facts(repo: Repository, backup: Backup, summary: BackupSummary): string {
  const { cluster, hosts, missing } = summary
  const roots = backup.manifest.backupMeta?.roots ?? []
  const paths = roots.slice(0, 50).map(({ host, root, source }) => {
    const [as, from] = [showPath(root), showPath(source)]
    return `- ${plain(host)}: \`${plain(from)}\`${as === from ? '' : `, as \`${plain(as)}\``}`
  })
  return [
    `| | |
|---|---|
| storage | ${plain(repo.url)} |
| cluster | ${plain(cluster.name)} (${plain(cluster.kind)}${cluster.version === '' ? '' : ` ${plain(cluster.version)}`}) |
| taken | ${summary.time} |
| state | ${summary.state}, ${summary.kind} |
| hosts | ${plain(hosts.join(', '))}${missing.length === 0 ? '' : `; missing: ${plain(missing.join(', '))}`} |
| files | ${summary.files}, ${formatBytes(summary.bytes)} |`,
    ...(paths.length === 0 ? [] : [`It holds:\n\n${paths.join('\n')}`]),
    ...(roots.length > 50 ? [`... and ${roots.length - 50} more, in \`backup.json\`.`] : []),
  ].join('\n\n')
}

function restore(
  { cluster }: BackupSummary,
  inventory: KitFile | undefined,
  inventoryWord: string,
  name: string,
  kind: string,
): string {
  if (inventory === undefined) {
    return `The backup brings no inventory: write one (\`docs/inventories.md\` of bkp), then run the restore playbook of its kind.\n`
  }
  const secrets = secretLines(inventory)
  const flags = `-i ${inventoryWord} -e cluster=${word(cluster.name)} -e backup=${name}`
  const playbook = `playbooks/${/^[a-z]+$/.test(kind) ? kind : 'files'}/restore.yml`
  return `1. Look through \`${plain(inventoryWord)}\`: addresses of hosts that are new, and the storage's own entry, which must lead
   to the storage named above.
2. ${
    secrets.length === 0
      ? 'It refers to no secrets; keys of SSH are looked for as `ssh` does.'
      : `It refers to secrets, which no backup holds. Provide them:

${secrets.map(line => `   - \`${plain(line)}\``).join('\n')}
`
  }
3. See what a restore would do, then do it. The playbook lies in bkp's own folder; NAME is what the
   inventory calls the storage:

\`\`\`sh
bkp validate ${playbook} ${inventoryWord}
bkp plan ${playbook} ${flags} -e storage=NAME
bkp run ${playbook} ${flags} -e storage=NAME --confirm=${word(cluster.name)}
\`\`\`
`
}

function roleOf(
  file: KitFile,
  playbook: KitFile | undefined,
  inventory: KitFile | undefined,
): string {
  const from = `as \`${plain(file.path)}\` was`
  if (file === playbook) return `: the playbook that took the backup, ${from}`
  if (file === inventory) return `: the inventory, ${from}`
  return `: ${from}`
}

/** A list at the top: without parsing, for it may be anything. */
function isPlaybook({ content }: KitFile): boolean {
  return /^- /m.test(textOf(content)) && !/^(all|clusters|storages):/m.test(textOf(content))
}

function isInventory({ content }: KitFile): boolean {
  return /^(all|clusters|storages):/m.test(textOf(content))
}

function textOf(content: Uint8Array): string {
  return Buffer.from(content.subarray(0, 256 * 1024)).toString()
}

/** Lines that name where a secret is kept. */
function secretLines({ content }: KitFile): readonly string[] {
  return textOf(content)
    .split('\n')
    .filter(line => /\{ *(env|file|command): |!vault/.test(line))
    .map(line => line.trim().slice(0, 200))
    .slice(0, 50)
}
