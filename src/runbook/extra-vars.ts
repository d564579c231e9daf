import { BkpError } from '../base/errors.ts'
import { isRecord } from '../base/json.ts'
import { Secret } from '../base/secret.ts'
import type { Binding, Variables } from '../expression/contract.ts'
import { literal } from '../expression/scope.ts'
import { namePattern, reservedNames } from '../modules/builtin/variables/reserved-names.ts'
import type { SecretSources } from './contract.ts'
import { createFaults, throwAll } from './faults.ts'
import type { FileAccess } from './file-access.ts'
import type { VariableOrigins } from './inventory/origins.ts'
import { registerPlainSecrets } from './inventory/secrets.ts'
import { isSecretVariable, mergeVariables, readVariables } from './inventory/variables.ts'
import { parseYaml, type YamlDocument } from './yaml/yaml-document.ts'

/** What reading `-e` needs. */
export interface ExtraVarsOptions {
  readonly files: FileAccess
  readonly secrets: SecretSources
  /** Told where each variable was written, where somebody wants to know. */
  readonly origins?: VariableOrigins
}

/**
 * The variables of all `-e` flags, later ones winning: `K=V` (always text, never rendered; several
 * in one flag, as Ansible has it), `{JSON}`, or `@FILE` in YAML or JSON.
 * @throws usage.invalid, usage.file_missing; yaml.*, expression.invalid, secret.unresolved in files
 */
export function readExtraVars(flags: readonly string[], options: ExtraVarsOptions): Variables {
  return mergeVariables(extraVarLayers(flags, options))
}

/** The variables of each flag by themselves. @throws as `readExtraVars` */
export function extraVarLayers(
  flags: readonly string[],
  options: ExtraVarsOptions,
): readonly Variables[] {
  const layers = flags.map(flag => readFlag(flag.trim(), options))
  for (const layer of layers) for (const name of layer.keys()) checkName(name)
  return layers
}

function usage(message: string, hint: string): BkpError {
  return new BkpError('usage.invalid', message, { hint })
}

function checkName(name: string): void {
  if (!new RegExp(namePattern).test(name)) {
    throw usage(`-e: "${name}" cannot be the name of a variable`, 'use letters, digits and _')
  }
  if (reservedNames.includes(name)) {
    throw usage(`-e: "${name}" is a name that bkp keeps for itself`, 'choose another name')
  }
}

function readFlag(flag: string, options: ExtraVarsOptions): Variables {
  if (flag.startsWith('@')) return readFile(flag.slice(1), options)
  if (flag.startsWith('{')) return readInline(flag, options)
  return readPairs(flag, options)
}

function readFile(path: string, options: ExtraVarsOptions): Variables {
  if (options.files.kind(path) !== 'file') {
    throw new BkpError('usage.file_missing', `-e: there is no file "${path}"`)
  }
  return readDocument(
    parseYaml(path, options.files.read(path), 'inventory', options.secrets),
    options,
  )
}

function readInline(text: string, options: ExtraVarsOptions): Variables {
  let document: YamlDocument
  try {
    document = parseYaml('-e', text, 'inventory', options.secrets)
  } catch (error) {
    // The text may hold a password: it is not shown, and the cause does not either.
    if (!(error instanceof BkpError)) throw error
    throw usage(`-e: the JSON does not parse: ${error.message}`, 'write {"name": "value"}')
  }
  return readDocument(document, options)
}

function readDocument(document: YamlDocument, options: ExtraVarsOptions): Variables {
  if (document.value !== null && !isRecord(document.value)) {
    throw usage(`-e: ${document.file} does not hold a map of variables`, 'write name: value lines')
  }
  const faults = createFaults()
  const variables = readVariables(document, document.value, [], {
    secrets: options.secrets,
    faults,
    warnings: [],
    ...(options.origins === undefined ? {} : { origins: options.origins }),
  })
  throwAll(faults.list, document.file)
  return variables
}

/** `name=value` with blanks before the next `name=`; blanks in quotes do not part pairs. */
const pair = /([^\s=]*)=((?:"[^"]*"|'[^']*'|(?!\s+[A-Za-z_]\w*=)[\s\S])*)/y

function readPairs(text: string, options: ExtraVarsOptions): Variables {
  const variables = new Map<string, Binding>()
  pair.lastIndex = 0
  for (let at = 0; at < text.length; at = pair.lastIndex) {
    pair.lastIndex = at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0)
    const [, name = '', whole = ''] = pair.exec(text) ?? []
    if (name === '') throw usage('-e: a variable needs a name and a value', 'write -e name=value')
    const value = /^(["'])[\s\S]*\1$/.test(whole) ? whole.slice(1, -1) : whole
    registerPlainSecrets({ [name]: value }, options.secrets)
    variables.set(name, literal(isSecretVariable(name) ? new Secret(value) : value))
  }
  return variables
}
