/** Exit codes of the command line (design §4). */
export const exitCodes = {
  done: 0,
  internal: 1,
  failed: 2,
  failedAndUnreachable: 3,
  unreachable: 4,
  usage: 5,
  invalid: 6,
  nothingMatched: 7,
  refused: 8,
  owed: 9,
  changesPending: 10,
  interrupted: 130,
} as const

/**
 * Every error bkp can raise: its stable code, the exit status it leads to, and what it means.
 * Additions only: users match on these codes.
 */
export const errorCodes = {
  internal: { exit: 1, doc: 'A fault in bkp itself.' },
  'step.failed': { exit: 2, doc: 'A step failed on a host.' },
  'step.timeout': { exit: 2, doc: 'A step took longer than its timeout.' },
  'step.cancelled': { exit: 130, doc: 'The run was interrupted.' },
  'deadline.impossible': {
    exit: 2,
    doc: 'The release of a step cannot be handed to its host before the step runs.',
  },
  'deadline.passed': {
    exit: 2,
    doc: 'A host has released by itself what a step held: the run was not heard of for its deadline.',
  },
  'command.failed': { exit: 2, doc: 'A remote command ended with a non-zero status.' },
  'command.invalid': {
    exit: 2,
    doc: 'A command cannot be handed over: a NUL byte, or a secret among its arguments.',
  },
  'become.failed': { exit: 2, doc: 'A host did not let commands run as another user.' },
  'file.unreadable': { exit: 2, doc: 'A file on a host could not be read.' },
  'file.unwritable': { exit: 2, doc: 'A file on a host could not be written.' },
  'secret.unreadable': { exit: 2, doc: 'A secret could not be read when a step needed it.' },
  'ssh.unreachable': { exit: 4, doc: 'No SSH connection to the host.' },
  'ssh.host_key_unknown': { exit: 4, doc: 'The host key is not in known_hosts.' },
  'ssh.host_key_changed': { exit: 4, doc: 'The host key differs from the one in known_hosts.' },
  'ssh.auth_failed': { exit: 4, doc: 'The host refused every way to log in.' },
  'ssh.config_invalid': {
    exit: 4,
    doc: 'Options of ssh (~/.ssh/config, the inventory) that bkp cannot follow.',
  },
  'ssh.lost': { exit: 4, doc: 'The connection broke while a step was running.' },
  'storage.unreachable': { exit: 4, doc: 'The storage did not answer.' },
  'storage.not_found': { exit: 2, doc: 'No object has that key.' },
  'storage.changed': { exit: 2, doc: 'An object is not the one it was.' },
  'storage.failed': { exit: 2, doc: 'The storage refused an operation.' },
  'storage.no_space': { exit: 2, doc: 'The storage is full.' },
  'repository.not_found': { exit: 2, doc: 'There is no repository at that address.' },
  'repository.unsupported_format': {
    exit: 2,
    doc: 'The repository was written by a newer format than this bkp reads.',
  },
  'repository.manifest_invalid': { exit: 2, doc: 'A manifest breaks the format or its limits.' },
  'repository.block_corrupt': { exit: 2, doc: 'A block does not hash to its name.' },
  'repository.block_missing': { exit: 2, doc: 'A block that a manifest names is not there.' },
  'repository.session_revoked': {
    exit: 2,
    doc: 'A vacuum took this backup for dead and revoked it; run it again.',
  },
  'repository.plan_invalid': { exit: 2, doc: 'The plan of a vacuum breaks the format.' },
  'repository.backup_not_found': { exit: 2, doc: 'No backup has that name.' },
  'repository.path_not_found': { exit: 2, doc: 'A backup holds nothing at that path.' },
  'repository.backup_ambiguous': { exit: 5, doc: 'Several backups begin with that name.' },
  'repository.source_changed': { exit: 2, doc: 'A file changed while it was read.' },
  'repository.source_unfit': {
    exit: 2,
    doc: 'A storage holds objects under names that no backup can hold.',
  },
  'repository.probe_failed': {
    exit: 8,
    doc: 'The storage does not create objects atomically; only exclusive mode is possible.',
  },
  'repository.unconfirmed': {
    exit: 8,
    doc: "A vacuum would forget more than half of a cluster's backups, and nobody confirmed it.",
  },
  'repository.sealed': {
    exit: 8,
    doc: 'A vacuum deletes already what it found: it can be finished, not cancelled.',
  },
  'repository.clock': { exit: 8, doc: 'The clocks of this machine and of the storage disagree.' },
  'repository.plane_unavailable': {
    exit: 2,
    doc: 'The data plane that was asked for cannot reach the host.',
  },
  'repository.damaged': { exit: 2, doc: 'A verification found errors.' },
  'restore.no_space': { exit: 2, doc: 'A file system has no room for the staged files.' },
  'restore.target_invalid': {
    exit: 2,
    doc: 'What a restore was asked to put in place has no place, or no safe one.',
  },
  'restore.conflict': { exit: 2, doc: 'Something lies where staged or old files belong.' },
  'restore.incomplete': { exit: 2, doc: 'Staged files are not what the backup holds.' },
  'restore.tampered': { exit: 2, doc: 'Staged files are not what was staged.' },
  'usage.invalid': { exit: 5, doc: 'The command line is not understood.' },
  'usage.file_missing': { exit: 5, doc: 'A file named on the command line does not exist.' },
  'yaml.invalid': { exit: 6, doc: 'A file is not YAML that bkp reads.' },
  'yaml.limit': { exit: 6, doc: 'A YAML file is larger or deeper than bkp reads.' },
  'schema.invalid': { exit: 6, doc: 'A playbook or inventory does not have the required shape.' },
  'expression.invalid': { exit: 6, doc: 'An expression does not parse or type-check.' },
  'expression.undefined': { exit: 2, doc: 'An expression names a variable that is not defined.' },
  'expression.failed': { exit: 2, doc: 'An expression could not be evaluated.' },
  'inventory.invalid': { exit: 6, doc: 'An inventory contradicts itself.' },
  'secret.unresolved': { exit: 6, doc: 'A secret could not be read at load.' },
  'hosts.none_matched': { exit: 7, doc: 'A host pattern or limit matched nothing.' },
  'run.nothing_matched': { exit: 7, doc: 'Nothing was left to run.' },
  'run.not_confirmed': { exit: 8, doc: 'A destructive step was not confirmed.' },
  'run.plan_stale': { exit: 8, doc: 'The state changed since the plan was approved.' },
  'run.owed': { exit: 9, doc: 'A rollback or release could not be run: something is still owed.' },
  'run.edited': {
    exit: 8,
    doc: 'A step that is done was edited since; the run cannot go on from it.',
  },
  'run.lock_held': { exit: 8, doc: 'Another run holds the lock.' },
  'run.journal_failed': {
    exit: 2,
    doc: 'The journal of a run could not be written: nothing new is begun without it.',
  },
  'run.mirror_damaged': { exit: 2, doc: 'The mirror of a run in a storage is not whole.' },
  'run.state_dir_unsafe': { exit: 8, doc: 'The state directory is open to other users.' },
  'cluster.hosts_missing': { exit: 8, doc: 'Fewer hosts take part than the cluster has.' },
  'plan.stale': { exit: 8, doc: 'A step would do more than the approved plan says.' },
  'plan.invalid': {
    exit: 8,
    doc: 'A plan file is not one of this bkp, or was changed since it was written.',
  },
  'plan.expired': { exit: 8, doc: 'A plan file is older than it may be.' },
  'nebula.unreachable': {
    exit: 4,
    doc: 'A service of NebulaGraph cannot be reached, or broke off.',
  },
  'nebula.no_leader': { exit: 2, doc: 'The metads of a cluster have no leader.' },
  'nebula.refused': { exit: 2, doc: 'A service of NebulaGraph answered with an error.' },
  'nebula.space_not_found': { exit: 2, doc: 'NebulaGraph has no space of that name.' },
  'nebula.protocol': {
    exit: 2,
    doc: 'What answered does not speak as a service of NebulaGraph does: often a wrong port.',
  },
  'nebula.version': {
    exit: 2,
    doc: 'The version of a NebulaGraph is not known for certain, or not the one that is needed.',
  },
  'nebula.outcome_unknown': {
    exit: 2,
    doc: 'The answer to a call that changes NebulaGraph was lost: it may have been done.',
  },
  'nebula.backup_failed': { exit: 2, doc: 'NebulaGraph could not make a backup or a snapshot.' },
  'nebula.not_ready': { exit: 2, doc: 'A NebulaGraph is not in the state that a step needs.' },
  'nebula.data_differs': {
    exit: 2,
    doc: 'Spaces of a NebulaGraph do not hold as many vertices and edges as they should.',
  },
  'nebula.topology': {
    exit: 2,
    doc: 'The hosts and data paths of a NebulaGraph do not fit those of the backup.',
  },
  'nebula.backup_invalid': {
    exit: 2,
    doc: 'A backup of NebulaGraph, or what is written of it, is damaged or not whole.',
  },
} as const satisfies Record<string, { readonly exit: number; readonly doc: string }>

export type ErrorCode = keyof typeof errorCodes

/** A place in a file: 1-based line and column, and the line itself for the caret. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Characters to underline; 1 when unknown. */
  readonly width?: number
  /** The whole source line, with values under credential keys already masked. */
  readonly text?: string
}

export interface BkpErrorOptions {
  /** The next thing for the user to do. */
  readonly hint?: string
  readonly cause?: unknown
  readonly place?: Place
  /** All faults of a file at once; the error itself is then their summary. */
  readonly faults?: readonly BkpError[]
  /** Facts for machines (host, key, block); never secrets. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** The one error class: a stable code, a message for the user, a hint, and the cause. */
export class BkpError extends Error {
  override readonly name = 'BkpError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly place: Place | undefined
  readonly faults: readonly BkpError[]
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: BkpErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.place = options.place
    this.faults = options.faults ?? []
    this.details = options.details ?? {}
  }

  /** The exit status this error leads to. */
  get exit(): number {
    return errorCodes[this.code].exit
  }
}

/** Wraps anything thrown as a BkpError; an unknown throwable becomes `internal`. */
export function asBkpError(thrown: unknown, code: ErrorCode = 'internal'): BkpError {
  if (thrown instanceof BkpError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new BkpError(code, message, { cause: thrown })
}

/** Throws the faults together when there are any: one of them as itself, several under a summary. */
export function throwFaults(faults: readonly BkpError[], summary: string): void {
  const [first, ...rest] = faults
  if (first === undefined) return
  if (rest.length === 0) throw first
  throw new BkpError(first.code, summary, { faults })
}
