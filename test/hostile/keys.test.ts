import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createIdentityLoader } from '../../src/connection/ssh/identities.ts'
import { scene } from './run-hostile.ts'

const { here, remove } = scene()
afterAll(remove)
const file = join(here, 'key')
execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])

describe('46 a key file of some mode', () => {
  test.each([0o644, 0o640, 0o604, 0o660, 0o610])('%o: may be read by others', async mode => {
    chmodSync(file, mode)
    expect(await createIdentityLoader()({ file })).toMatchObject({
      kind: 'unusable',
      why: `${file} may be read by others: chmod 600 ${file}`,
    })
  })

  test.each([0o600, 0o400])('%o is fine', async mode => {
    chmodSync(file, mode)
    expect(await createIdentityLoader()({ file })).toMatchObject({ kind: 'usable' })
  })
})
