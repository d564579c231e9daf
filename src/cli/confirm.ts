import { BkpError } from '../base/errors.ts'
import { escapeControls } from '../base/text.ts'
import type { ConfirmRequest } from '../execute/driver.ts'
import type { Terminal } from './terminal.ts'

export interface Confirmer {
  /**
   * True when the question is granted: by the flag, by an earlier answer, or by a person. A question
   * that the signal ends is not granted. `all`: those of `--step` are not to be asked any more.
   */
  settle(request: ConfirmRequest, signal?: AbortSignal): Promise<boolean | 'all'>
  /** Why the run is refused, and what to say for it to go on. */
  refusal(request: ConfirmRequest): BkpError
}

/**
 * Answers questions: `--confirm` grants those without a word, `--confirm=WORD` those whose word it
 * is; otherwise a person at the terminal is asked, once for each.
 */
export function createConfirmer(
  flag: string | true | undefined,
  terminal: Terminal,
  redact: (text: string) => string,
): Confirmer {
  const granted = new Set<string>()
  const identity = ({ step, question, word }: ConfirmRequest): string =>
    JSON.stringify([step, question, word])
  return Object.freeze({
    settle: async (request, signal) => {
      if (request.stepwise) return await askStep(request, signal)
      if (granted.has(identity(request))) return true
      const yes =
        isGranted(request, flag) || (flag === undefined && (await askPerson(request, signal)))
      if (yes) granted.add(identity(request))
      return yes
    },
    refusal: ({ question, word }) =>
      new BkpError('run.not_confirmed', `not confirmed: ${question}`, {
        hint:
          word === undefined
            ? 'nothing was changed; run it again with --confirm'
            : `nothing was changed; run it again with --confirm=${word}`,
      }),
  } satisfies Confirmer)

  async function askPerson(
    { question, word }: ConfirmRequest,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const wanted = word === undefined ? 'yes' : word
    return (await typed(`${question} Type "${wanted}" to go on: `, signal)) === wanted
  }

  /** As Ansible asks: anything but yes leaves the task out. */
  async function askStep(
    { question }: ConfirmRequest,
    signal: AbortSignal | undefined,
  ): Promise<boolean | 'all'> {
    const answer = (await typed(`${question} (N)o/(y)es/(c)ontinue: `, signal))?.toLowerCase()
    if (answer === 'c' || answer === 'continue') return 'all'
    return answer === 'y' || answer === 'yes'
  }

  async function typed(
    question: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const text = escapeControls(redact(question), { newlines: false })
    try {
      return (await terminal.ask(text, signal === undefined ? {} : { signal }))?.trim()
    } catch (thrown) {
      if (signal?.aborted) return undefined
      throw thrown
    }
  }
}

function isGranted({ word }: ConfirmRequest, flag: string | true | undefined): boolean {
  if (flag === undefined) return false
  return word === undefined ? true : flag === word
}

/** @throws usage.invalid where `--step` has nobody to ask */
export function refuseSteps(terminal: Pick<Terminal, 'canAsk'>): void {
  if (terminal.canAsk) return
  throw new BkpError(
    'usage.invalid',
    '--step asks before each task, and nobody is there to answer',
    {
      hint: 'run it at a terminal; --start-at-task, --tags and --limit choose without asking',
    },
  )
}
