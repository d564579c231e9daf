import type { Variables } from '../../expression/contract.ts'
import type { Playbook, StepId } from '../contract.ts'

/** The playbook with what was answered to the prompts of its plays; it beats the plays' own `vars`. */
export function withPrompted(
  playbook: Playbook,
  answers: ReadonlyMap<StepId, Variables>,
): Playbook {
  if (answers.size === 0) return playbook
  const plays = playbook.plays.map(play => {
    const answered = answers.get(play.id)
    return answered === undefined
      ? play
      : Object.freeze({ ...play, vars: new Map([...play.vars, ...answered]) })
  })
  return Object.freeze({ ...playbook, plays })
}
