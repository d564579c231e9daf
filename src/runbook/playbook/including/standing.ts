import type { Variables } from '../../../expression/contract.ts'
import type { Condition, RoleScope, Step, StepId, Task } from '../../contract.ts'
import type { DocumentPath } from '../../yaml/tree-position.ts'
import type { YamlDocument } from '../../yaml/yaml-document.ts'
import type { Inherited, PlaybookContext } from '../context.ts'

/** Reads a list of a document as steps, or as handlers. */
export type ReadList<T> = (
  context: PlaybookContext,
  value: unknown,
  path: DocumentPath,
  id: StepId,
  inherited: Inherited,
) => readonly T[]

/** What all files of a playbook share. */
export interface Shared {
  /** Absolute: all files stay below it. */
  readonly folder: string
  readonly extraVars: Variables
  /** What plays do that do not say whether they have `force_handlers`. */
  readonly forceHandlers: boolean
  /** Files that were read, by their absolute paths; undefined for those at fault. */
  readonly read: Map<string, YamlDocument | undefined>
  /** Lists that were read, so that files which include each other widely come to an end. */
  lists: number
  /** Files that steps include hold steps again. */
  readonly readSteps: ReadList<Step>
  readonly readHandlers: ReadList<Task>
}

/** What a role gives to all of its play. */
export interface Exported {
  readonly handlers: readonly Task[]
  readonly defaults: readonly Variables[]
  readonly vars: readonly Variables[]
}

/** A role that runs once, and where it did. */
export interface Ran {
  readonly id: StepId
  /** Conditions that stand around it, its own left out. */
  readonly when: ReadonlySet<Condition>
  readonly tags: string
  /** It stands in no include, which may not be reached. */
  readonly certain: boolean
}

/** What the steps of a play gather while they are read. */
export interface PlayParts {
  /** Of `roles:`, in its order. */
  readonly listed: Exported[]
  /** Of `import_role` and `include_role`, in the order of the steps. */
  readonly named: Exported[]
  /** By what makes roles the same. */
  readonly ran: Map<string, Ran>
}

/** The role that a file belongs to, and the roles that led to it. */
export interface CurrentRole {
  readonly scope: RoleScope
  /** Its own variables, without those of the roles around it. */
  readonly own: {
    readonly defaults: Variables
    readonly vars: Variables
    /** `vars:` where it is named. */
    readonly given: Variables
    readonly params: Variables
  }
  /** Outermost first. */
  readonly parents: readonly CurrentRole[]
}

/** Where a file that is read stands in its playbook. */
export interface Standing {
  readonly shared: Shared
  /** Absolute paths of the files that lead here, the playbook's first, this one's last. */
  readonly files: readonly string[]
  /** Absolute: the folder of the file that the play is written in. */
  readonly folder: string
  /** Of the play, for names that are computed when the playbook is read. */
  readonly playVars: Variables
  readonly play: PlayParts
  readonly section: 'tasks' | 'handlers'
  readonly role?: CurrentRole
  /** What `import_playbook` says of the plays. */
  readonly imported?: {
    readonly when: readonly Condition[]
    readonly vars: Variables
    readonly tags: readonly string[]
  }
  /** It may run for some hosts only, or not at all. */
  readonly dynamic?: true
}

/** Where no play is read yet. */
export const noPlay: PlayParts = { listed: [], named: [], ran: new Map() }

/** The context in which one play is read. */
export function enterPlay(context: PlaybookContext, playVars: Variables): PlaybookContext {
  const play: PlayParts = { listed: [], named: [], ran: new Map() }
  return { ...context, notified: [], standing: { ...context.standing, play, playVars } }
}
