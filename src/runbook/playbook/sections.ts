import type { Step, Task } from '../contract.ts'
import type { Entry, Inherited, PlaybookContext } from './context.ts'
import { metaTask } from './meta.ts'

/** The sections of a play in the order they run; roles go before the tasks of `tasks`. */
export const sectionNames = ['pre_tasks', 'tasks', 'post_tasks'] as const

/** The steps of each section, and what they may notify. */
export interface Sections {
  readonly steps: Readonly<Record<(typeof sectionNames)[number], readonly Step[]>>
  readonly handlers: readonly Task[]
  readonly forceHandlers: boolean
}

/**
 * All steps of a play. Where it has handlers, those notified run after each section; with
 * `force_handlers` whatever became of its steps.
 */
export function joinSections(
  context: PlaybookContext,
  entry: Entry,
  id: string,
  inherited: Inherited,
  { steps, handlers, forceHandlers }: Sections,
): readonly Step[] {
  return sectionNames.flatMap((name): readonly Step[] => {
    const section = steps[name]
    if (handlers.length === 0 || section.length === 0) return section
    const at: Entry = { value: {}, path: [...entry.path, name] }
    const flush = flushTask(context, at, `${id}/${name}/flush`, inherited)
    if (!forceHandlers) return [...section, flush]
    return [
      Object.freeze({
        kind: 'block',
        id: `${id}/${name}`,
        place: flush.place,
        name: undefined,
        block: section,
        rescue: [],
        always: [flush],
        anyErrorsFatal: inherited.anyErrorsFatal,
        transparent: true,
      }),
    ]
  })
}

function flushTask(context: PlaybookContext, at: Entry, id: string, inherited: Inherited): Task {
  // Chosen whenever something of the play may have been: by the play's tags, or always.
  const tags = inherited.tags.length === 0 ? ['always'] : inherited.tags
  const task = metaTask(context, at, id, { ...inherited, tags }, 'flush_handlers')
  return Object.freeze({ ...task, implicit: true as const })
}
