import { BkpError, type Place } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { type PlanFile, planFileDigest, planFileVersion } from './format.ts'
import { findShapeFault } from './shape.ts'

/**
 * Reads a plan file. @throws plan.invalid with its place where it is not one of this bkp or was changed
 * since; plan.expired
 */
export function readPlanFile(
  text: string,
  { path, tool, now }: { readonly path: string; readonly tool: string; readonly now: Date },
): PlanFile {
  const invalid = (why: string, key: string | undefined, hint: string): BkpError =>
    new BkpError('plan.invalid', `${path} ${why}`, { place: placeOf(text, path, key), hint })
  const file = parse(text, path)
  if (!isRecord(file) || file['bkp_plan'] === undefined) {
    throw invalid('is no plan file of bkp', undefined, 'bkp plan PLAYBOOK --out FILE makes one')
  }
  if (file['bkp_plan'] !== planFileVersion) {
    const version = JSON.stringify(file['bkp_plan'])
    const hint = `this bkp reads version ${planFileVersion}: make the plan anew`
    throw invalid(`has version ${version} of the format`, 'bkp_plan', hint)
  }
  if (file['tool'] !== tool) {
    const hint = `this is bkp ${tool}, which may plan differently: make the plan anew`
    throw invalid(`was made by bkp ${String(file['tool'])}`, 'tool', hint)
  }
  const fault = findShapeFault(file)
  if (fault !== undefined) {
    throw invalid(`is damaged: ${fault.message}`, fault.key, 'make the plan anew')
  }
  // Its shape has just been checked.
  const plan = file as unknown as PlanFile
  if (planFileDigest(plan) !== plan.digest) {
    const hint = 'a plan is applied as it was approved, or made anew'
    throw invalid('was changed since it was made: its digest is another', 'digest', hint)
  }
  if (new Date(plan.expires).getTime() <= now.getTime()) {
    throw new BkpError('plan.expired', `${path} expired at ${plan.expires}`, {
      place: placeOf(text, path, 'expires'),
      hint: 'make a new plan with bkp plan --out; --expires says how long it may wait',
    })
  }
  return plan
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    const position = Number(/position (\d+)/.exec(message)?.[1] ?? text.length)
    throw new BkpError('plan.invalid', `${path} is no JSON, so no plan file of bkp`, {
      place: placeAt(text, path, position),
      hint: 'bkp plan PLAYBOOK --out FILE makes one',
    })
  }
}

/** Where a key stands at the top of the document; its beginning without one. */
function placeOf(text: string, file: string, key: string | undefined): Place {
  const found = key === undefined ? -1 : text.search(new RegExp(`^ {0,2}"${key}"`, 'm'))
  return placeAt(text, file, found < 0 ? 0 : text.indexOf('"', found))
}

/** Texts of plan files may be long, and hold what a screen should not show: the line is not quoted. */
function placeAt(text: string, file: string, position: number): Place {
  const before = text.slice(0, position)
  const line = before.split('\n').length
  return { file, line, column: position - (before.lastIndexOf('\n') + 1) + 1 }
}
