import { redactValue } from '../../events/redact.ts'
import type { SourceDocument } from '../../runbook/contract.ts'
import type { PlanDocument } from '../plan-document.ts'
import type { Invocation } from '../run.ts'
import { plannedFiles } from './documents.ts'
import { type PlanFile, planFileDigest, planFileVersion } from './format.ts'

/** What a plan file is made of. */
export interface PlanFileSource {
  readonly tool: string
  readonly created: Date
  /** How long it may wait to be applied, in milliseconds. */
  readonly validMs: number
  readonly playbook: string
  readonly inventory: readonly string[]
  readonly invocation: Invocation
  readonly documents: readonly SourceDocument[]
  readonly plan: PlanDocument
}

/** The plan file, without secrets. */
export function makePlanFile(source: PlanFileSource, redact: (text: string) => string): PlanFile {
  const { tool, created, validMs, playbook, inventory, invocation, documents, plan } = source
  const content: Omit<PlanFile, 'digest'> = {
    bkp_plan: planFileVersion,
    tool,
    created: created.toISOString(),
    expires: new Date(created.getTime() + validMs).toISOString(),
    playbook,
    inventory,
    invocation: redactInvocation(invocation, redact),
    documents: plannedFiles(documents, redact),
    plan: redactPlan(plan, redact),
  }
  // Through JSON once: what it leaves out is no part of the digest either.
  const written = JSON.parse(JSON.stringify(content)) as Omit<PlanFile, 'digest'>
  return { ...written, digest: planFileDigest(written) }
}

/** The file's text: the digest and the plan come first for a reader. */
export function planFileText(file: PlanFile): string {
  const { bkp_plan, digest, tool, created, expires, documents, ...rest } = file
  const ordered = { bkp_plan, digest, tool, created, expires, ...rest, documents }
  return `${JSON.stringify(ordered, undefined, 2)}\n`
}

function redactInvocation(invocation: Invocation, redact: (text: string) => string): Invocation {
  const { extra_vars: extraVars, prompted, stepwise: _asked, ...rest } = invocation
  return {
    ...rest,
    ...(extraVars === undefined ? {} : { extra_vars: extraVars.map(redact) }),
    // The same value with the same shape: texts stay texts.
    ...(prompted === undefined
      ? {}
      : { prompted: redactValue(prompted, redact) as NonNullable<typeof prompted> }),
  }
}

/** What names parts of the run stays: a password may be "update" or "web1". */
function redactPlan(plan: PlanDocument, redact: (text: string) => string): PlanDocument {
  const { downtime, ...summary } = plan.summary
  return {
    digest: plan.digest,
    changes: plan.changes.map(({ diff, ...change }) => ({
      ...change,
      play: redact(change.play),
      name: redact(change.name),
      target: redact(change.target),
      ...(diff === undefined
        ? {}
        : { diff: { before: redact(diff.before), after: redact(diff.after) } }),
    })),
    binding: plan.binding.map(each => ({
      ...each,
      name: redact(each.name),
      // A map stays a map.
      facts: redactValue(each.facts, redact) as typeof each.facts,
    })),
    summary: {
      ...summary,
      downtime: downtime.map(span => ({
        ...span,
        from: redact(span.from),
        to: span.to === null ? null : redact(span.to),
        during: span.during.map(redact),
      })),
    },
  }
}
