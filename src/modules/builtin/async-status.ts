import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { defineModule } from '../contract.ts'
import { outcomeOfJob } from './running/job-outcome.ts'
import { checkedJobId, readJob, removeJob } from './running/jobs.ts'
import { notRun, outcomeSchema } from './running/outcome.ts'

const { started, finished, ansible_job_id, results_file, ...ofCommand } = outcomeSchema.properties

export const asyncStatus = defineModule({
  name: 'async_status',
  summary: 'Ask how a step is that was left running on the host.',
  // Not readOnly: it ends as changed where the job did something, and may notify handlers.
  args: Type.Object(
    {
      jid: Type.String({
        minLength: 1,
        description: 'The job: ansible_job_id in the result of the step that started it.',
      }),
      mode: Type.Optional(
        Type.Enum(['status', 'cleanup'], {
          default: 'status',
          description: 'cleanup removes what the job left on the host.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      started: Type.Boolean({ description: 'Always true.' }),
      finished: Type.Boolean({ description: 'Whether it has ended.' }),
      ansible_job_id: Type.String({ description: 'The job.' }),
      results_file,
      ...(Type.Partial(Type.Object(ofCommand)).properties as {
        [K in keyof typeof ofCommand]: Type.TOptional<(typeof ofCommand)[K]>
      }),
      erased: Type.Optional(Type.String({ description: 'With cleanup: the folder that is gone.' })),
    },
    { additionalProperties: false },
  ),
  resources: () => [],
  inspect: () => ({}),
  plan: ({ args }) => ({
    kind: 'change',
    changes: [{ action: 'call', target: `${args.mode ?? 'status'} of ${checkedJobId(args.jid)}` }],
    after: {},
    certainty: 'maybe',
    result: { started: true, ansible_job_id: args.jid },
  }),
  apply: async (host, { args, variables }, io) => {
    const { jid } = args
    const known = await readJob(host, jid, variables, io)
    if (known === undefined) throw unknownJob(jid)
    if (args.mode !== 'cleanup') return { ...outcomeOfJob(host, jid, known), ansible_job_id: jid }
    const erased = await removeJob(host, jid, variables, io)
    const over = known.state !== 'running'
    return { started: true, finished: over, ansible_job_id: jid, erased }
  },
  // What it did was done by the step that started it; as in Ansible it counts when it is over.
  changed: ({ result }) =>
    result.finished && result.erased === undefined && !result.msg?.startsWith(notRun),
})

function unknownJob(jid: string): BkpError {
  const msg = 'could not find job'
  return new BkpError('step.failed', `${msg} ${jid}`, {
    hint: 'it was removed, was started on another host or as another user, or never began',
    details: { result: { ansible_job_id: jid, started: true, finished: true, msg } },
  })
}
