import { dirname, resolve } from 'node:path'
import { BkpError } from '../base/errors.ts'
import { didYouMean } from '../base/text.ts'
import type { Program } from '../engine/program.ts'
import { initialState } from '../engine/state.ts'
import { hostScope } from '../engine/variables.ts'
import { literal } from '../expression/scope.ts'
import { Unknown } from '../expression/unknown.ts'
import { loadCatalogue } from '../modules/load-catalogue.ts'
import type {
  Inventory,
  InventoryDetails,
  Play,
  Playbook,
  VariableLayer,
} from '../runbook/contract.ts'
import { extraVarLayers } from '../runbook/extra-vars.ts'
import { systemFiles } from '../runbook/file-access.ts'
import { hostOf } from '../runbook/inventory/address.ts'
import { type ExplainedVariable, explainVariables } from '../runbook/inventory/explained.ts'
import { exposedClusters, exposedStorages } from '../runbook/inventory/exposed.ts'
import { createOrigins, type VariableOrigins } from '../runbook/inventory/origins.ts'
import { matchHosts } from '../runbook/inventory/patterns.ts'
import { mergeVariables } from '../runbook/inventory/variables.ts'
import { readPlaybook } from '../runbook/playbook/playbook.ts'
import type { CommandContext } from './command.ts'
import { patternsOf } from './listing.ts'
import { loadDetailed } from './load.ts'
import type { PlaceFlags } from './place.ts'
import { createSecretSources } from './secret-sources.ts'

/** What says which variables there are. */
export interface VariableFlags extends PlaceFlags {
  readonly extraVars?: readonly string[]
}

/** The variables of a host, in a play or, without a playbook, before any. */
export interface HostVariables {
  readonly play: Play | undefined
  readonly variables: readonly ExplainedVariable[]
}

interface Loaded {
  readonly inventory: Inventory
  readonly details: InventoryDetails
  readonly origins: VariableOrigins
  readonly extra: readonly VariableLayer[]
  readonly program: Program
}

/**
 * The variables of a host of the inventory, once for each play of the playbook that is for it.
 * @throws usage.invalid for a host that is none, hosts.none_matched where no play is for it, and what
 * is wrong with the files
 */
export async function variablesOfHost(
  host: string,
  playbook: string | undefined,
  flags: VariableFlags,
  context: CommandContext,
): Promise<readonly HostVariables[]> {
  const loaded = await load(playbook, flags, context)
  const { inventory, program } = loaded
  if (hostOf(inventory, host) === undefined) {
    throw new BkpError('usage.invalid', `the inventory has no host "${host}"`, {
      hint: didYouMean(host, inventory.hosts.keys()) ?? 'bkp inventory --graph shows all of them',
    })
  }
  if (playbook === undefined) return [{ play: undefined, variables: explained(loaded, host, -1) }]
  const standing = program.playbook.plays.flatMap((play, index) =>
    program.playHosts[index]?.includes(host) ? [{ play, index }] : [],
  )
  if (standing.length === 0) {
    throw new BkpError('hosts.none_matched', `no play of ${playbook} is for ${host}`, {
      hint: `without the playbook the command shows what the inventory says; bkp run ${playbook} --list-hosts shows the hosts of its plays`,
    })
  }
  return standing.map(({ play, index }) => ({ play, variables: explained(loaded, host, index) }))
}

async function load(
  path: string | undefined,
  flags: VariableFlags,
  context: CommandContext,
): Promise<Loaded> {
  const { terminal } = context
  const origins = createOrigins()
  const secrets = await createSecretSources(context, flags)
  const files = systemFiles
  const extra = extraVarLayers(flags.extraVars ?? [], { files, secrets, origins })
  const extraVars = mergeVariables(extra)
  const folder = path === undefined ? undefined : dirname(resolve(terminal.directory, path))
  const { inventory, details } = await loadDetailed(flags, origins, context, folder)
  let playbook: Playbook = { path: '', plays: [], documents: [] }
  if (path !== undefined) {
    if (files.kind(path) !== 'file') {
      throw new BkpError('usage.file_missing', `there is no playbook "${path}"`)
    }
    const catalogue = loadCatalogue()
    const source = files.read(path)
    playbook = readPlaybook({
      path,
      source,
      catalogue,
      files,
      secrets,
      extraVars,
      origins,
    }).playbook
  }
  const { environment } = terminal
  const hosts = (play: Play): readonly string[] =>
    matchHosts(inventory, patternsOf(play, { extraVars, environment }).join(',')).hosts
  return {
    inventory,
    details,
    origins,
    extra: extra.map(variables => ({ level: '-e', variables })),
    program: {
      playbook: { ...playbook, plays: playbook.plays.map(asked) },
      inventory,
      extraVars,
      exposed: { clusters: exposedClusters(inventory), storages: exposedStorages(inventory) },
      run: { id: '', started: '' },
      mode: 'plan',
      playbookDirectory: folder ?? terminal.directory,
      playHosts: playbook.plays.map(hosts),
      batches: playbook.plays.map(play => [hosts(play)]),
      tasks: new Map(),
      blocks: new Map(),
      settings: { forks: 50, tags: ['all'], skipTags: [], diff: false, step: false },
      environment,
    },
  }
}

/** The play with what it asks for: nobody has answered yet. */
function asked(play: Play): Play {
  if (play.prompts === undefined) return play
  const { variables } = promptLayer(play)
  return { ...play, vars: mergeVariables([play.vars, variables]) }
}

function promptLayer({ prompts = [] }: Play): VariableLayer {
  return {
    level: 'vars_prompt of the play',
    variables: new Map(
      prompts.map(({ name }) => [name, literal(new Unknown(`the answer to "${name}"`))]),
    ),
  }
}

/** By the order of `hostScope`, which renders what they come to. */
function explained(
  { details, origins, extra, program }: Loaded,
  host: string,
  index: number,
): readonly ExplainedVariable[] {
  const play = program.playbook.plays[index]
  const scope = hostScope(program, { ...initialState(), play: index }, host)
  const named = (level: string, layers: Play['roleVars']): readonly VariableLayer[] =>
    (layers ?? []).map(variables => ({ level, variables }))
  const layers = [
    ...named('defaults of a role', play?.roleDefaults),
    ...details.layersOf(host),
    ...(play?.varLayers ?? []),
    ...(play === undefined ? [] : [promptLayer(play)]),
    ...named('vars of a role', play?.roleVars),
    ...extra,
  ]
  return explainVariables(layers, scope, origins)
}
