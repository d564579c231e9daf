import { accessSync, constants } from 'node:fs'
import { basename, dirname, extname, resolve } from 'node:path'
import { BkpError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import { escapeControls } from '../base/text.ts'
import { systemFiles } from '../runbook/file-access.ts'
import { expandHome } from '../runbook/inventory/secrets.ts'
import { createVault, type VaultPassword } from '../runbook/vault/vault.ts'
import { defaultVaultId, vaultHeader } from '../runbook/vault/vault-text.ts'
import { printedSecret } from './secret-command.ts'
import type { Terminal } from './terminal.ts'

/** The flags that say where vault passwords are. */
export interface VaultFlags {
  readonly vaultPasswordFile?: readonly string[]
  /** `ID@FILE`, a file alone, or `ID@prompt`. */
  readonly vaultId?: readonly string[]
  readonly askVaultPass?: boolean
}

/** Where a password is, or what a person typed, and the id it is for. */
type PasswordSource = { readonly id: string } & (
  | { readonly file: string }
  | { readonly typed: Secret }
)

/**
 * The passwords that the flags and ANSIBLE_VAULT_PASSWORD_FILE name, read when they are first
 * needed. Files are looked for at once: a flag that names none is a mistake, needed or not. A person
 * is asked at once, too, once for each id.
 * @throws usage.file_missing, usage.invalid; secret.unresolved from what is returned
 */
export async function vaultPasswords(
  flags: VaultFlags,
  terminal: Terminal,
  register: (secret: Secret) => void,
): Promise<() => readonly VaultPassword[]> {
  const fromEnvironment = terminal.environment('ANSIBLE_VAULT_PASSWORD_FILE')
  const files = [
    ...(flags.vaultPasswordFile ?? []),
    ...(fromEnvironment === undefined || fromEnvironment === '' ? [] : [fromEnvironment]),
  ]
  const sources: PasswordSource[] = []
  for (const text of flags.vaultId ?? []) {
    const { id, where } = partsOf(text)
    sources.push(
      where === 'prompt'
        ? { id, typed: await askPassword(`--vault-id ${text}`, id, terminal) }
        : { id, file: pathOf(where, terminal) },
    )
  }
  for (const file of files) sources.push({ id: defaultVaultId, file: pathOf(file, terminal) })
  if (flags.askVaultPass) {
    const typed = await askPassword('--ask-vault-pass', defaultVaultId, terminal)
    sources.push({ id: defaultVaultId, typed })
  }
  for (const source of sources) if ('typed' in source) register(source.typed)
  return () => {
    const passwords: VaultPassword[] = []
    for (const source of sources) {
      const password =
        'typed' in source ? source.typed : new Secret(readPassword(source, passwords, terminal))
      register(password)
      passwords.push({ id: source.id, password })
    }
    return passwords
  }
}

/** `ID@FILE` as Ansible takes it apart: at the first @. */
function partsOf(text: string): { readonly id: string; readonly where: string } {
  const at = text.indexOf('@')
  const id = at > 0 ? text.slice(0, at) : defaultVaultId
  const where = text.slice(at + 1)
  if (where !== '') return { id, where }
  throw new BkpError('usage.invalid', `--vault-id ${text}: a file is needed`, {
    hint: 'write --vault-id ID@FILE, or --vault-id ID@prompt to be asked',
  })
}

/** Asks a person for a vault password, which is not shown while it is typed. */
async function askPassword(flag: string, id: string, terminal: Terminal): Promise<Secret> {
  const whose = id === defaultVaultId ? '' : ` (${escapeControls(id, { newlines: false })})`
  const typed = await terminal.ask(`Vault password${whose}: `, { hidden: true })
  if (typed === undefined) {
    throw new BkpError('usage.invalid', `${flag}: there is no terminal to ask at`, {
      hint: 'give the password with --vault-password-file FILE, or --vault-id ID@FILE',
    })
  }
  if (typed !== '') return new Secret(typed)
  throw new BkpError('usage.invalid', `${flag}: the password is empty`)
}

function pathOf(file: string, terminal: Terminal): string {
  const path = resolve(terminal.directory, expandHome(file, terminal))
  if (systemFiles.kind(path) === 'file') return path
  throw new BkpError('usage.file_missing', `there is no vault password file "${file}"`)
}

/** @throws secret.unresolved, usage.file_missing when the file cannot be read */
function readPassword(
  { id, file }: { readonly id: string; readonly file: string },
  known: readonly VaultPassword[],
  terminal: Terminal,
): string {
  // Ansible's rules: of a file blanks at both ends do not count, of a script only line ends.
  const password = isExecutable(file)
    ? runScript(file, id, terminal).replace(/^[\r\n]+|[\r\n]+$/g, '')
    : readText(file, known).trim()
  if (password !== '') return password
  throw new BkpError('secret.unresolved', `the vault password from ${file} is empty`)
}

/** A password file may itself be encrypted, with a password given before it. */
function readText(file: string, known: readonly VaultPassword[]): string {
  const text = new TextDecoder().decode(systemFiles.read(file))
  if (!text.startsWith(vaultHeader)) return text
  return new TextDecoder().decode(createVault(() => known).decrypt(text))
}

/** A script named `x-client` or `x-client.py` is told the id that it is asked for. */
function runScript(file: string, id: string, terminal: Terminal): string {
  // A shell would take a password for a command, and print it where it is not found.
  if (!/^(#!|\x7fELF)/.test(new TextDecoder().decode(systemFiles.read(file).subarray(0, 4)))) {
    throw new BkpError('secret.unresolved', `${file} may be executed, and is no program`, {
      hint: 'if it holds the vault password itself, take its executable bit away: chmod -x',
    })
  }
  const isClient = basename(file, extname(file)).endsWith('-client')
  return printedSecret({
    what: `the vault password script ${file}`,
    program: file,
    args: isClient ? ['--vault-id', id] : [],
    directory: dirname(file),
    environment: terminal.wholeEnvironment?.(),
    asks: true,
  })
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
