import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { checkedJobId, newJobId } from '../../src/modules/builtin/running/jobs.ts'
import { jobsContract } from './jobs-contract.ts'
import { shellHost } from './shell-host.ts'

const folder = mkdtempSync(join(tmpdir(), 'bkp-jobs-'))
const host = shellHost()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

jobsContract('sh', () => ({ host, folder }))

it('takes no path for the id of a job', () => {
  const id = newJobId()
  expect(checkedJobId(id)).toBe(id)
  for (const jid of ['..', '../x', 'a/b', '.x', '', '-x']) {
    expect(() => checkedJobId(jid)).toThrow(expect.objectContaining({ code: 'step.failed' }))
  }
})
