import { BkpError, throwFaults } from '../base/errors.ts'
import { mask, Secret } from '../base/secret.ts'
import { escapeControls } from '../base/text.ts'
import { orAbort } from '../connection/abort.ts'
import type { Variables } from '../expression/contract.ts'
import { literal } from '../expression/scope.ts'
import type { Playbook, Prompt, StepId } from '../runbook/contract.ts'
import type { CommandContext } from './command.ts'

/** What was typed, by play and variable; what is private is never among it. */
export type Prompted = Readonly<Record<StepId, Readonly<Record<string, string>>>>

/** The answers to the prompts of a playbook. */
export interface PromptAnswers {
  readonly variables: ReadonlyMap<StepId, Variables>
  /** For a later resume. */
  readonly journaled: Prompted
}

/** Where answers come from. */
export interface PromptSources {
  readonly extraVars: Variables
  /** What the run was told when it began. */
  readonly before?: Prompted
  /** False: nobody is asked, and what has no default stays undefined. */
  readonly asks: boolean
}

/**
 * Asks for the variables of `vars_prompt`, in the order of the plays; those that `-e` gives are not
 * asked for. Without a terminal the default is taken.
 * @throws usage.invalid for each variable that nobody can be asked for and that has no default
 */
export async function answerPrompts(
  playbook: Playbook,
  sources: PromptSources,
  context: CommandContext,
): Promise<PromptAnswers> {
  const wanted = playbook.plays.flatMap(play =>
    (play.prompts ?? [])
      .filter(({ name }) => !sources.extraVars.has(name))
      .map(prompt => ({ play: play.id, prompt, known: knownAnswer(play.id, prompt, sources) })),
  )
  if (sources.asks && !context.terminal.canAsk) {
    const unanswered = wanted.filter(({ known, prompt }) => (known ?? prompt.default) === undefined)
    throwFaults(
      unanswered.map(({ prompt }) => nobodyToAsk(prompt)),
      'the playbook asks for variables',
    )
  }
  const variables = new Map<StepId, Map<string, { readonly literal: unknown }>>()
  const journaled: Record<string, Record<string, string>> = {}
  for (const { play, prompt, known } of wanted) {
    const value = known ?? (await answer(prompt, sources, context))
    if (value === undefined) continue
    const own = variables.get(play) ?? new Map()
    variables.set(play, own.set(prompt.name, literal(asValue(prompt, value, context))))
    if (!prompt.private) journaled[play] = { ...journaled[play], [prompt.name]: value }
  }
  return { variables, journaled }
}

/** What the run was told before; what a secret was part of is dots in the journal, and no answer. */
function knownAnswer(play: StepId, prompt: Prompt, { before }: PromptSources): string | undefined {
  const known = prompt.private ? undefined : before?.[play]?.[prompt.name]
  return known?.includes(mask) ? undefined : known
}

async function answer(
  prompt: Prompt,
  { asks }: PromptSources,
  context: CommandContext,
): Promise<string | undefined> {
  if (!asks || !context.terminal.canAsk) return prompt.default
  const typed = prompt.confirm ? await askTwice(prompt, context) : await ask(prompt, '', context)
  if (typed !== undefined && typed !== '') return typed
  if (prompt.default !== undefined) return prompt.default
  // The end of the input is no answer; an empty line is.
  if (typed === undefined) throw nobodyToAsk(prompt)
  return typed
}

async function askTwice(prompt: Prompt, context: CommandContext): Promise<string | undefined> {
  for (;;) {
    const first = await ask(prompt, '', context)
    if (first === undefined) return undefined
    const second = await ask(prompt, 'confirm ', context)
    if (second === undefined || second === first) return second
    context.terminal.stderr.write('the two answers differ; please type it again\n')
  }
}

async function ask(
  prompt: Prompt,
  prefix: string,
  { terminal, redactor, interruptions }: CommandContext,
): Promise<string | undefined> {
  const shown = prompt.default === undefined ? '' : ` [${prompt.private ? mask : prompt.default}]`
  const text = redactor.redact(`${prefix}${prompt.question}${shown}: `)
  const interruption = interruptions.attend()
  try {
    const { signal } = interruption
    const asking = terminal.ask(escapeControls(text, { newlines: true }), {
      hidden: prompt.private,
      signal,
    })
    return await orAbort(asking, signal)
  } finally {
    interruption.stop()
  }
}

function asValue(prompt: Prompt, text: string, { redactor }: CommandContext): string | Secret {
  if (!prompt.private) return text
  const secret = new Secret(text)
  redactor.register(secret)
  return secret
}

function nobodyToAsk({ name, place }: Prompt): BkpError {
  return new BkpError('usage.invalid', `"${name}" is asked for, and nobody is there to answer`, {
    place,
    hint: `give it with -e ${name}=VALUE`,
  })
}
