import type { StepText, TaskText } from '../simulate.ts'
import { type Random, randomFrom } from './random.ts'

/** A random runbook as the model reads it: what each keyword means, without any expression. */
export interface Script {
  readonly hosts: readonly string[]
  readonly plays: readonly (readonly ScriptStep[])[]
}

export type ScriptStep = ScriptTask | ScriptBlock

export interface ScriptTask {
  readonly kind: 'task'
  readonly name: string
  /** Hosts whose `when` is false. */
  readonly skipOn?: readonly string[]
  /** Its `when` names a variable that is not there. */
  readonly broken?: boolean
  /** Loop items; `own` differs from host to host. */
  readonly items?: readonly string[]
  /** `when` is false for this item. */
  readonly skipItem?: string
  /** Fails where `rc` is above 3, and only there. */
  readonly failedWhen?: boolean
  readonly ignoreErrors?: boolean
  readonly runOnce?: boolean
  readonly cluster?: boolean
  readonly anyErrorsFatal?: boolean
  readonly confirm?: boolean
  readonly register?: string
  /** A result that its arguments use. */
  readonly uses?: string
  readonly rollback?: ScriptTask
  readonly release?: ScriptTask
}

export interface ScriptBlock {
  readonly kind: 'block'
  readonly block: readonly ScriptStep[]
  readonly rescue: readonly ScriptStep[]
  readonly always: readonly ScriptStep[]
}

const hostNames = ['a', 'b', 'c', 'd', 'e']

/** The runbook of a seed. */
export function randomScript(seed: number): Script {
  const random = randomFrom(seed, 'script')
  const hosts = hostNames.slice(0, 1 + random.below(4))
  const plays = Array.from({ length: 1 + random.below(2) }, () =>
    randomSteps(random, hosts, { depth: 0, names: { next: 1 }, registered: [] }),
  )
  return { hosts, plays: plays.map((play, index) => renamed(play, `p${index}`)) }
}

interface Context {
  readonly depth: number
  readonly names: { next: number }
  /** Results that every host of this section has. */
  readonly registered: string[]
}

function randomSteps(random: Random, hosts: readonly string[], context: Context): ScriptStep[] {
  const count = 1 + random.below(context.depth === 0 ? 4 : 3)
  return Array.from({ length: count }, () =>
    random.chance(0.35) && context.depth < 3
      ? randomBlock(random, hosts, context)
      : randomTask(random, hosts, context),
  )
}

function randomBlock(random: Random, hosts: readonly string[], context: Context): ScriptBlock {
  const inner = { ...context, depth: context.depth + 1 }
  // A host in rescue or always need not have run what came before.
  const tail = (): Context => ({ ...inner, registered: [] })
  return {
    kind: 'block',
    block: randomSteps(random, hosts, { ...inner, registered: [...context.registered] }),
    rescue: random.chance(0.5) ? randomSteps(random, hosts, tail()) : [],
    always: random.chance(0.5) ? randomSteps(random, hosts, tail()) : [],
  }
}

function randomTask(random: Random, hosts: readonly string[], context: Context): ScriptTask {
  const name = `t${context.names.next++}`
  const loops = random.chance(0.2)
  const items = loops ? ['own', 'x', 'y'].filter(() => random.chance(0.6)) : undefined
  const uses =
    context.registered.length > 0 && random.chance(0.4)
      ? random.pick(context.registered)
      : undefined
  // A step that is not granted registers nothing.
  const confirm = random.chance(0.06)
  const register = random.chance(0.3) && !confirm ? `r_${name}` : undefined
  if (register !== undefined) context.registered.push(register)
  const settles = (kind: 'rollback' | 'release'): { [K in typeof kind]?: ScriptTask } =>
    random.chance(0.22)
      ? {
          [kind]: {
            kind: 'task',
            name: `${kind} of ${name}`,
            ...(random.chance(0.15) ? { cluster: true } : {}),
            ...(random.chance(0.1) ? { runOnce: true } : {}),
          } satisfies ScriptTask,
        }
      : {}
  return {
    kind: 'task',
    name,
    ...(random.chance(0.15) ? { skipOn: hosts.filter(() => random.chance(0.5)) } : {}),
    ...(random.chance(0.03) ? { broken: true } : {}),
    ...(items === undefined ? {} : { items }),
    ...(loops && random.chance(0.3) ? { skipItem: random.pick(['own', 'x', 'y']) } : {}),
    ...(random.chance(0.15) ? { failedWhen: true } : {}),
    ...(random.chance(0.12) ? { ignoreErrors: true } : {}),
    ...(random.chance(0.12) ? { runOnce: true } : {}),
    ...(random.chance(0.12) ? { cluster: true } : {}),
    ...(random.chance(0.1) ? { anyErrorsFatal: true } : {}),
    ...(confirm ? { confirm: true } : {}),
    ...(register === undefined ? {} : { register }),
    ...(uses === undefined ? {} : { uses }),
    ...settles('rollback'),
    ...settles('release'),
  }
}

/** Registered names of one play are not used in another: a host may have missed it. */
function renamed(steps: readonly ScriptStep[], prefix: string): readonly ScriptStep[] {
  const task = (step: ScriptTask): ScriptTask => ({
    ...step,
    name: `${prefix} ${step.name}`,
    ...(step.register === undefined ? {} : { register: `${prefix}_${step.register}` }),
    ...(step.uses === undefined ? {} : { uses: `${prefix}_${step.uses}` }),
    ...(step.rollback === undefined ? {} : { rollback: task(step.rollback) }),
    ...(step.release === undefined ? {} : { release: task(step.release) }),
  })
  return steps.map(step =>
    step.kind === 'task'
      ? task(step)
      : {
          kind: 'block',
          block: renamed(step.block, prefix),
          rescue: renamed(step.rescue, prefix),
          always: renamed(step.always, prefix),
        },
  )
}

/** What `{{ item }}` is on a host. */
export function itemOn(host: string, item: string): string {
  return item === 'own' ? `inventory-${host}` : item
}

/** The arguments that a step must be asked for with. */
export function argsOf(task: ScriptTask, host: string, item: string | undefined): unknown {
  return {
    host,
    ...(item === undefined ? {} : { item }),
    ...(task.uses === undefined ? {} : { used: false }),
  }
}

/** The script as steps that the interpreter is tested with. */
export function stepText(step: ScriptStep): StepText {
  if (step.kind === 'task') return taskText(step, step.items !== undefined)
  return {
    block: step.block.map(stepText),
    ...(step.rescue.length === 0 ? {} : { rescue: step.rescue.map(stepText) }),
    ...(step.always.length === 0 ? {} : { always: step.always.map(stepText) }),
  }
}

function taskText(task: ScriptTask, hasItem: boolean): TaskText {
  const register = task.register ?? task.name.replaceAll(' ', '_')
  const when: string[] = []
  if (task.broken) when.push('nowhere')
  if (task.skipOn !== undefined)
    when.push(`!(inventory_hostname in ${JSON.stringify(task.skipOn)})`)
  if (task.skipItem !== undefined) {
    when.push(task.skipItem === 'own' ? 'item != from' : `item != ${JSON.stringify(task.skipItem)}`)
  }
  return {
    name: task.name,
    args: {
      host: '{{ inventory_hostname }}',
      ...(hasItem ? { item: '{{ item }}' } : {}),
      ...(task.uses === undefined ? {} : { used: `{{ ${task.uses}.unreachable }}` }),
    },
    ...(when.length === 0 ? {} : { when }),
    ...(task.items === undefined
      ? {}
      : { loop: task.items.map(item => (item === 'own' ? '{{ from }}' : item)) }),
    ...(task.register === undefined && !task.failedWhen ? {} : { register }),
    ...(task.failedWhen ? { failedWhen: [`${register}.rc > 3`] } : {}),
    ...(task.ignoreErrors ? { ignoreErrors: true } : {}),
    ...(task.runOnce ? { runOnce: true } : {}),
    ...(task.cluster ? { cluster: true } : {}),
    ...(task.anyErrorsFatal ? { anyErrorsFatal: true } : {}),
    ...(task.confirm ? { confirm: { question: `${task.name}?` } } : {}),
    ...(task.rollback === undefined ? {} : { rollback: taskText(task.rollback, hasItem) }),
    ...(task.release === undefined ? {} : { release: taskText(task.release, hasItem) }),
  }
}

/** Every task of a script by its id, rollbacks and releases too. */
export function tasksById(script: Script): ReadonlyMap<string, ScriptTask> {
  const tasks = new Map<string, ScriptTask>()
  const visit = (step: ScriptStep, id: string): void => {
    if (step.kind === 'task') {
      tasks.set(id, step)
      if (step.rollback !== undefined) visit(step.rollback, `${id}/rollback`)
      if (step.release !== undefined) visit(step.release, `${id}/release`)
      return
    }
    for (const part of ['block', 'rescue', 'always'] as const) {
      step[part].forEach((child, index) => {
        visit(child, `${id}/${part}/${index}`)
      })
    }
  }
  script.plays.forEach((steps, play) => {
    steps.forEach((step, index) => {
      visit(step, `/${play}/tasks/${index}`)
    })
  })
  return tasks
}
