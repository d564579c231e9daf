import type { Tree } from '../../expression/contract.ts'
import type { Task } from '../contract.ts'
import {
  type Entry,
  fault,
  flagAt,
  type Inherited,
  type PlaybookContext,
  treeAt,
} from './context.ts'
import { given } from './given.ts'

type Delegation = Pick<Task, 'delegateTo' | 'delegateFacts'>

/** `delegate_to` and `delegate_facts` of a block or task, each inherited by itself. */
export function delegationAt(
  context: PlaybookContext,
  entry: Entry,
  inherited: Delegation,
): Delegation {
  const facts = entry.value['delegate_facts']
  return given({
    delegateTo: delegateAt(context, entry) ?? inherited.delegateTo,
    delegateFacts:
      facts === undefined
        ? inherited.delegateFacts
        : flagAt(context, entry, 'delegate_facts', false),
  })
}

function delegateAt(context: PlaybookContext, entry: Entry): Tree | undefined {
  const value = entry.value['delegate_to']
  if (typeof value === 'string' && /^\s+$/.test(value)) {
    fault(context, '"delegate_to" must name a host', [...entry.path, 'delegate_to'])
  }
  return treeAt(context, entry, 'delegate_to')
}

/** The same without a delegate: for a step of all hosts that another, delegated step owes. */
export function undelegated(inherited: Inherited): Inherited {
  const { delegateTo: _, delegateFacts: __, ...rest } = inherited
  return rest
}

/**
 * Tells of a step that works on no single host and is to be delegated. It stands at `delegate_to`, or
 * where the step does when that is inherited.
 */
export function refuseDelegation(
  context: PlaybookContext,
  entry: Entry,
  { delegateTo }: Delegation,
  what: string,
  hint: string,
): void {
  if (delegateTo === undefined) return
  const own = Object.hasOwn(entry.value, 'delegate_to')
  const path = own ? [...entry.path, 'delegate_to'] : entry.path
  fault(context, `${what} cannot be delegated`, path, { at: 'key', hint })
}
