import { BkpError } from '../../../base/errors.ts'
import { addressText, type Generation } from '../contract.ts'
import { codeMeaning } from '../generations/codes.ts'
import { type Metad, peerName } from './metads.ts'

/** A code that a metad answered, as an error: `nebula.refused`, or what the call's own code is. */
export function refusal(
  answer: {
    readonly metad: Metad
    readonly call: string
    readonly code: number
    readonly generation: Generation
  },
  as: 'nebula.refused' | 'nebula.backup_failed' = 'nebula.refused',
): BkpError {
  const { metad, call, code, generation } = answer
  const meaning = codeMeaning(code, generation)
  const details = { call, code, name: meaning?.name ?? null, metad: addressText(metad.address) }
  return meaning === undefined
    ? new BkpError(as, `${peerName(metad)} refused ${call} with code ${code}`, {
        hint: 'see its log (logs/nebula-metad.ERROR and .INFO)',
        details,
      })
    : new BkpError(
        as,
        `${peerName(metad)} refused ${call}: ${meaning.message} (${meaning.name}, ${code})`,
        { hint: meaning.hint, details },
      )
}
