import { canonicalJson, isRecord } from '../../../base/json.ts'
import { mask } from '../../../base/secret.ts'
import type { Variables } from '../../../expression/contract.ts'
import { mergeVariables } from '../../inventory/variables.ts'
import { describeKind } from '../../schema/messages.ts'
import { fault, type PlaybookContext, warn } from '../context.ts'
import { journal, readOnce, shownPath } from '../including/inner-document.ts'
import type { CurrentRole } from '../including/standing.ts'
import { staticText } from '../including/static-text.ts'
import { type NamedRole, roleEntry } from './entry.ts'
import { roleFile, roleVariables } from './files.ts'
import { type FoundRole, findRole } from './find-role.ts'

/** A role with its variables and the roles that go before it; its steps are not read yet. */
export interface Role {
  readonly named: NamedRole
  readonly current: CurrentRole
  readonly dependencies: readonly Role[]
  /** It may run several times with the same arguments. */
  readonly repeats: boolean
  /** Equal for roles that are one and the same. */
  readonly identity: string
}

/** The role that is named; undefined after a fault. */
export function loadNamedRole(named: NamedRole): Role | undefined {
  const { playVars, shared, role } = named.context.standing
  const name = staticText(named.name, [playVars, shared.extraVars])
  if (name === undefined) {
    fault(named.context, 'the name of a role must be known when the playbook is read', named.path, {
      hint: 'write the name, use variables of the play or -e alone, or write include_role',
    })
    return undefined
  }
  const found = findRole(named, name)
  return found === undefined ? undefined : loadRole(named, found, around(role))
}

/** The roles that the steps of a role stand in, itself last. */
export function around(role: CurrentRole | undefined): readonly CurrentRole[] {
  return role === undefined ? [] : [...role.parents, role]
}

/** Reads what a role is made of but for its steps. Undefined after a fault. */
export function loadRole(
  named: NamedRole,
  found: FoundRole,
  parents: readonly CurrentRole[],
): Role | undefined {
  const meta = metaOf(named, found)
  const own = {
    defaults: roleVariables(named, found.path, 'defaults'),
    vars: roleVariables(named, found.path, 'vars'),
    given: named.given,
    params: named.params,
  }
  // What dependencies export goes into the role's own scope, and they see what the role has.
  const seed: CurrentRole = { scope: scopeOf(found, own, parents, []), own, parents }
  const dependencies = meta.dependencies.flatMap(each => dependency(each, seed) ?? [])
  const scope = scopeOf(found, own, parents, dependencies)
  return {
    named,
    current: { scope, own, parents },
    dependencies,
    repeats: named.repeats || meta.repeats,
    identity: identityOf(named, found),
  }
}

function identityOf({ context, path: at, written, from }: NamedRole, { path }: FoundRole): string {
  const text = canonicalJson(JSON.parse(JSON.stringify({ path, written, from })))
  // What a secret holds is not in the text: each is another.
  return text.includes(mask) ? `${text} ${JSON.stringify(context.document.place(at))}` : text
}

function dependency(named: NamedRole, parent: CurrentRole): Role | undefined {
  const { context } = named
  const { playVars, shared } = context.standing
  const name = staticText(named.name, [playVars, shared.extraVars])
  if (name === undefined) {
    fault(context, 'the name of a role must be known when the playbook is read', named.path)
    return undefined
  }
  const standing = { ...context.standing, role: parent }
  const inner: NamedRole = { ...named, context: { ...context, standing } }
  const found = findRole(inner, name)
  if (found === undefined) return undefined
  const chain = around(parent)
  if (chain.some(({ scope }) => scope.path === found.path)) {
    const from = chain.findIndex(({ scope }) => scope.path === found.path)
    const way = [...chain.slice(from).map(({ scope }) => scope.name), found.name].join(' -> ')
    fault(context, `the role "${found.name}" depends on itself: ${way}`, named.path)
    return undefined
  }
  return loadRole(inner, found, chain)
}

/** Layers of a role's variables, lowest first: those of roles it depends on, of roles around it, its own. */
function scopeOf(
  { name, path }: FoundRole,
  own: CurrentRole['own'],
  parents: readonly CurrentRole[],
  dependencies: readonly Role[],
): CurrentRole['scope'] {
  const some = (layers: readonly Variables[]) => layers.filter(({ size }) => size > 0)
  return Object.freeze({
    name,
    path,
    defaults: some([
      ...dependencies.flatMap(defaultsOf),
      ...parents.map(parent => parent.own.defaults),
      own.defaults,
    ]),
    vars: some([
      ...parents.flatMap(parent => [parent.own.given, parent.own.vars]),
      ...dependencies.flatMap(exportedVars),
      own.vars,
      own.given,
    ]),
    params: mergeVariables([...parents.map(parent => parent.own.params), own.params]),
  })
}

/** Defaults that a role gives to others: of what it depends on, then its own. */
export function defaultsOf({ current, dependencies }: Role): readonly Variables[] {
  return [...dependencies.flatMap(defaultsOf), current.own.defaults].filter(({ size }) => size > 0)
}

/** The same of its variables. */
export function exportedVars({ current, dependencies }: Role): readonly Variables[] {
  return [...dependencies.flatMap(exportedVars), current.own.vars].filter(({ size }) => size > 0)
}

/** What `meta/main.yml` says; other keys than these two mean nothing to a run. */
function metaOf(
  named: NamedRole,
  found: FoundRole,
): { readonly dependencies: readonly NamedRole[]; readonly repeats: boolean } {
  const none = { dependencies: [], repeats: false }
  const { context, path } = named
  const file = roleFile(named, found.path, 'meta')
  if (file === undefined) return none
  const document = readOnce(context, file, context.document.place(path))
  if (document === undefined) return none
  journal(context, document)
  const inner: PlaybookContext = { ...context, document }
  const { value } = document
  if (value === null) return none
  if (!isRecord(value)) {
    const where = shownPath(context, file)
    fault(inner, `${where} must be a map, not ${describeKind(value)}`, [])
    return none
  }
  if (Object.hasOwn(value, 'argument_specs')) {
    warn(inner, 'argument_specs are not checked: assert what the role needs', ['argument_specs'])
  }
  return { dependencies: dependenciesOf(inner, value), repeats: value['allow_duplicates'] === true }
}

function dependenciesOf(
  context: PlaybookContext,
  meta: Readonly<Record<string, unknown>>,
): readonly NamedRole[] {
  const list = meta['dependencies']
  if (list === undefined || list === null) return []
  if (!Array.isArray(list)) {
    fault(context, `dependencies must be a list, not ${describeKind(list)}`, ['dependencies'])
    return []
  }
  return list.flatMap((item, index) => roleEntry(context, item, ['dependencies', index]) ?? [])
}
