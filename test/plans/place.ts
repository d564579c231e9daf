import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CliOutcome, runCli } from '../cli/run-cli.ts'

/** What stands at a path before anything is done: text, a folder, a link; null for nothing. */
export type Stands =
  | null
  | string
  | { readonly folder: string }
  | { readonly link: string }
  | { readonly hard: string }
  | { readonly text: string; readonly mode: string }

/** The controller's folder and the one of the hosts, all of them this machine. */
export interface Place {
  /** Playbook, inventory, roles, files, templates. */
  readonly site: string
  /** What the playbooks change. */
  readonly host: string
  /** Where a systemctl keeps its units that is none. */
  readonly units: string
  write(name: string, text: string): void
  /** Makes what shall stand below the folder of the hosts, in this order. */
  stand(files: Readonly<Record<string, Stands>>): void
  /** A service that the systemctl of this place knows. */
  unit(name: string): void
  bkp(...words: readonly string[]): Promise<CliOutcome>
  remove(): void
}

export const hostNames = ['a', 'b', 'c', 'd'] as const

/** Places are named in playbooks as @HOST@, @SITE@ and @UNITS@. */
export function createPlace(): Place {
  const root = mkdtempSync(join(tmpdir(), 'bkp-plans-'))
  const site = join(root, 'site')
  const host = join(root, 'host')
  const units = join(root, 'units')
  for (const folder of [site, host, join(units, '.bin')]) mkdirSync(folder, { recursive: true })
  const fake = fileURLToPath(new URL('../modules/fake-systemctl.sh', import.meta.url))
  copyFileSync(fake, join(units, '.bin/systemctl'))
  const filled = (text: string): string =>
    text.replaceAll('@HOST@', host).replaceAll('@SITE@', site).replaceAll('@UNITS@', units)
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(site, name)), { recursive: true })
    writeFileSync(join(site, name), filled(text))
  }
  const hosts = hostNames.map(name => `${name}: { ansible_connection: local }`).join(', ')
  write('inventory.yml', `all: { hosts: { ${hosts} } }\n`)
  const environment = { BKP_STATE_DIR: join(root, 'state'), HOME: root }
  return Object.freeze({
    site,
    host,
    units,
    write,
    stand: files => {
      for (const [name, what] of Object.entries(files)) {
        make(join(host, name), what, filled)
      }
    },
    unit: name => mkdirSync(join(units, name), { recursive: true }),
    bkp: (...words) => runCli(words, { directory: site, environment }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  } satisfies Place)
}

function make(path: string, what: Stands, filled: (text: string) => string): void {
  if (what === null) return
  mkdirSync(dirname(path), { recursive: true })
  if (typeof what === 'string') {
    writeFileSync(path, what)
    chmodSync(path, 0o644)
  } else if ('folder' in what) {
    mkdirSync(path, { recursive: true })
    chmodSync(path, Number.parseInt(what.folder, 8))
  } else if ('link' in what) symlinkSync(filled(what.link), path)
  else if ('hard' in what) linkSync(filled(what.hard), path)
  else {
    writeFileSync(path, what.text)
    chmodSync(path, Number.parseInt(what.mode, 8))
  }
}
