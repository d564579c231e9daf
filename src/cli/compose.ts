import { systemClock, systemRandom } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import { escapeControls } from '../base/text.ts'
import { toolVersion } from '../base/version.ts'
import { orAbort } from '../connection/abort.ts'
import type { Manner } from '../connection/contract.ts'
import { createConnectionPool } from '../connection/pool.ts'
import { clusterKinds } from '../databases/kinds.ts'
import type { Environment } from '../execute/environment.ts'
import { createLibrary } from '../execute/library.ts'
import { newRunId } from '../execute/run-id.ts'
import { moduleLoaders } from '../modules/index.ts'
import { validateArguments } from '../runbook/schema/validate-arguments.ts'
import type { Storage } from '../storage/contract.ts'
import { isStorageUrl, openStorage } from '../storage/open.ts'
import { readOnlyStorage } from '../storage/read-only.ts'
import type { CommandContext } from './command.ts'
import type { Failpoints } from './failpoints.ts'
import type { LoadedRunbook } from './load.ts'
import { localFiles } from './local-files.ts'
import { openDefined } from './storages.ts'

/** The outside world of one run, and how to let go of it. */
export interface OpenEnvironment {
  readonly environment: Environment
  close(): Promise<void>
}

/** Makes the concrete parts and puts them together; the one place where they meet. */
export function openEnvironment(
  loaded: LoadedRunbook,
  { redactor, terminal }: CommandContext,
  options: {
    readonly failpoints: Failpoints | undefined
    /** The run that is gone on with; a new one without. */
    readonly run: { readonly id: string; readonly startedAt: Date } | undefined
    /** Tell differences of small texts. */
    readonly diff: boolean
  },
): OpenEnvironment {
  const { inventory, playbook, catalogue } = loaded
  const pool = createConnectionPool({
    addresses: { get: loaded.addressOf },
    random: systemRandom,
    clock: systemClock,
  })
  /** However its password was given, it is covered wherever it would be shown. */
  const kept = (manner: Manner | undefined): Manner | undefined => {
    if (manner?.become?.password !== undefined) redactor.register(manner.become.password)
    return manner
  }
  const storages = new Map<string, Storage>()
  const open = (name: string): Storage => {
    const definition = inventory.storages.get(name)
    if (definition !== undefined) return openDefined(definition)
    if (isStorageUrl(name)) return openStorage(name)
    throw new BkpError('internal', `no storage ${name}`)
  }
  const storage = (name: string): Storage => {
    const opened = storages.get(name) ?? wrap(open(name))
    storages.set(name, opened)
    return opened
  }
  const wrap = (opened: Storage): Storage => options.failpoints?.wrap(opened) ?? opened
  const startedAt = options.run?.startedAt ?? systemClock.now()
  const environment: Environment = Object.freeze({
    library: createLibrary({ catalogue, loaders: moduleLoaders, check: validateArguments }),
    inventory,
    clusterKinds,
    run: {
      id: options.run?.id ?? newRunId(startedAt, systemRandom),
      startedAt,
      toolVersion,
      documents: [...playbook.documents, ...inventory.documents],
    },
    clock: systemClock,
    random: systemRandom,
    diff: options.diff,
    host: (name, manner) => pool.host(name, kept(manner)),
    readOnlyHost: (name, manner) => pool.readOnly(name, kept(manner)),
    resetConnection: pool.reset,
    endLost: pool.endLost,
    storage,
    readOnlyStorage: name => readOnlyStorage(storage(name)),
    ...localFiles(loaded.playbookDirectory),
    ask: async ({ text, hidden }, io) => {
      const shown = escapeControls(redactor.redact(text), { newlines: true })
      const asking = terminal.ask(shown, { hidden, signal: io.signal })
      const answer = await orAbort(asking, io.signal)
      if (hidden && answer !== undefined) redactor.register(new Secret(answer))
      return answer
    },
    redactor,
  } satisfies Environment)
  return { environment, close: pool.close }
}
