import type { Block, Step } from '../runbook/contract.ts'
import { type HandlerCall, nextHandler } from './handlers.ts'
import { blockAt } from './program.ts'
import { completeRole } from './roles.ts'
import { announceSettled } from './settled.ts'
import { type BlockFrame, frameOf, type Owed, type Section } from './state.ts'
import {
  enclosingBlocks,
  isTransparent,
  isWinding,
  liveHosts,
  lose,
  owingBlock,
  type Turn,
} from './turn.ts'

/**
 * What a block frame goes on with: a step of its section, something that is owed, a handler, or a
 * block that an include puts in.
 */
export type Child =
  | { readonly step: Step }
  | { readonly settle: Owed }
  | { readonly handler: HandlerCall }
  | { readonly include: { readonly id: string; readonly hosts: readonly string[] } }

/** The section's next child; undefined when the section is over. */
export function nextChild(turn: Turn, frame: BlockFrame): Child | undefined {
  if (frame.section === 'rollback' || frame.section === 'release') {
    const owed = takeNewest(turn, frame, frame.section)
    return owed === undefined ? undefined : { settle: owed }
  }
  if (isCutShort(turn, frame)) return undefined
  if (frame.flush !== undefined) {
    const handler = nextHandler(turn, frame, frame.flush)
    return handler === undefined ? undefined : { handler }
  }
  if (liveHosts(turn, frame).length === 0) return undefined
  if (frame.queue !== undefined) {
    const include = frame.queue.shift()
    return include === undefined ? undefined : { include }
  }
  const step = stepsOf(turn, frame)[frame.next]
  if (step === undefined) return undefined
  frame.next += 1
  return { step: underIdOf(frame, step) }
}

/** A step of a block that an include put in runs under an id that says for which item. */
function underIdOf(frame: BlockFrame, step: Step): Step {
  if (!frame.id.includes('#')) return step
  const words = frame.id.split('/')
  const rest = step.id.split('/').slice(words.length)
  return { ...step, id: [...words, ...rest].join('/') }
}

/** What is owed is settled newest first; after a second signal, releases only. */
function takeNewest(turn: Turn, frame: BlockFrame, kind: Owed['kind']): Owed | undefined {
  // What was inherited is settled in one section, rollbacks and releases alike.
  const newest = frame.owed.findLast(
    owed =>
      (owed.kind === kind || turn.state.windingUp) &&
      (owed.kind === 'release' || turn.state.cancelled < 2),
  )
  frame.owed = frame.owed.filter(owed => owed !== newest)
  return newest
}

function owes(frame: BlockFrame, kind: Owed['kind']): boolean {
  return frame.owed.some(owed => owed.kind === kind)
}

/** A cancelled run starts nothing but always; a block about to roll back has no use for the rest. */
function isCutShort(turn: Turn, frame: BlockFrame): boolean {
  if (isWinding(turn)) return true
  if (frame.section !== 'block' || Object.keys(frame.lost).length === 0) return false
  const owing = owingBlock(turn)
  return owing?.section === 'block' && owes(owing, 'rollback')
}

function stepsOf(turn: Turn, frame: BlockFrame): readonly Step[] {
  const block = blockOf(turn, frame)
  switch (frame.section) {
    case 'block':
      return block.block
    case 'rescue':
      return block.rescue
    case 'always':
      return block.always
    case 'rollback':
    case 'release':
      return []
  }
}

/** Flushes and includes have no sections: what they run stands elsewhere. */
const noSections: Pick<Block, 'block' | 'rescue' | 'always'> = { block: [], rescue: [], always: [] }

function blockOf(turn: Turn, frame: BlockFrame): typeof noSections {
  if (frame.flush !== undefined || frame.queue !== undefined) return noSections
  const block = blockAt(turn.program, frame.id)
  if (block === undefined) throw new Error(`no block ${frame.id}`)
  return block
}

/** Enters a block with the hosts that are alive around it. */
export function pushBlock(turn: Turn, id: string, hosts: readonly string[]): void {
  turn.stack.push(frameOf(id, hosts))
}

/** Moves on to the next section that has something to do, or leaves the block. */
export function leaveSection(turn: Turn, frame: BlockFrame): void {
  switch (frame.section) {
    case 'block':
      leaveMain(turn, frame)
      return
    case 'rollback':
      leaveRollback(turn, frame)
      return
    case 'rescue':
      leaveRescue(turn, frame)
      return
    case 'always':
      Object.assign(frame.failed, frame.lost)
      enterRelease(turn, frame)
      return
    case 'release':
      dropRollbacks(turn, frame, 'failed')
      leaveBlock(turn, frame)
      return
  }
}

function leaveMain(turn: Turn, frame: BlockFrame): void {
  Object.assign(frame.failed, frame.lost)
  const mainFailed = Object.keys(frame.failed).length > 0 || isWinding(turn)
  if (owes(frame, 'rollback') && mainFailed) {
    // All hosts roll back, so all of them count as failed: none may go on half undone.
    for (const host of frame.hosts) frame.failed[host] ??= 'carried_along'
    enterSection(turn, frame, 'rollback', frame.hosts)
    return
  }
  dropRollbacks(turn, frame, 'dropped')
  rescueOrAlways(turn, frame)
}

/** Rollbacks that a second signal left undone are still owed. */
function leaveRollback(turn: Turn, frame: BlockFrame): void {
  dropRollbacks(turn, frame, 'failed')
  rescueOrAlways(turn, frame)
}

function dropRollbacks(turn: Turn, frame: BlockFrame, outcome: 'dropped' | 'failed'): void {
  for (const owed of frame.owed.filter(({ kind }) => kind === 'rollback')) {
    announceSettled(turn, owed, outcome)
    if (outcome === 'failed') turn.state.unsettled = [...turn.state.unsettled, owed]
  }
  frame.owed = frame.owed.filter(({ kind }) => kind === 'release')
}

function rescueOrAlways(turn: Turn, frame: BlockFrame): void {
  const failed = frame.hosts.filter(host => frame.failed[host] !== undefined)
  const rescue = blockOf(turn, frame).rescue
  if (failed.length > 0 && rescue.length > 0 && !isWinding(turn)) {
    enterSection(turn, frame, 'rescue', failed)
  } else {
    enterAlways(turn, frame)
  }
}

function leaveRescue(turn: Turn, frame: BlockFrame): void {
  for (const host of frame.active) {
    if (frame.lost[host] !== undefined) frame.failed[host] = frame.lost[host]
    else if (!isWinding(turn)) delete frame.failed[host]
  }
  enterAlways(turn, frame)
}

function enterAlways(turn: Turn, frame: BlockFrame): void {
  if (blockOf(turn, frame).always.length === 0) enterRelease(turn, frame)
  else enterSection(turn, frame, 'always', frame.hosts)
}

/** However the block ended, what its steps hold on the hosts is let go. */
function enterRelease(turn: Turn, frame: BlockFrame): void {
  // A step of rescue or always may owe a rollback, too: there is no main part left to fail.
  dropRollbacks(turn, frame, 'dropped')
  if (owes(frame, 'release')) enterSection(turn, frame, 'release', frame.hosts)
  else leaveBlock(turn, frame)
}

function enterSection(
  turn: Turn,
  frame: BlockFrame,
  section: Exclude<Section, 'block'>,
  hosts: readonly string[],
): void {
  frame.section = section
  frame.next = 0
  frame.active = [...hosts]
  frame.lost = {}
  if (isTransparent(turn, frame)) return
  turn.events.push({ event: 'section.entered', step: frame.id, section, hosts: [...hosts] })
}

/** Hosts that were not rescued are lost to the block around, or to the rest of the playbook. */
function leaveBlock(turn: Turn, frame: BlockFrame): void {
  const hidden = isTransparent(turn, frame)
  completeRole(turn, frame)
  turn.stack.pop()
  const failed = frame.hosts.filter(host => frame.failed[host] !== undefined)
  if (!hidden) turn.events.push({ event: 'block.finished', step: frame.id, failed })
  const [outer] = enclosingBlocks(turn)
  for (const [host, loss] of Object.entries(frame.failed)) {
    if (outer !== undefined) lose(outer, host, loss)
    else if (turn.state.forgiven[host] === undefined) turn.state.removed[host] ??= loss
  }
}
