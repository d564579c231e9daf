import { describe, expect, it } from 'vitest'
import { dyingStorage, faultyStorage } from '../../storage/faulty.ts'
import { keysBelow, testRandom } from '../support.ts'
import { copyOf, faultsOf, runVacuum, type Sample, sampleRepository } from './support.ts'

const policy = { maxBackups: 2 }

/** What every run of the matrix must come to, however it was cut off. */
async function expectFinished(sample: Sample, left: readonly string[]): Promise<void> {
  expect(await faultsOf(sample)).toEqual([])
  const again = await runVacuum(sample.storage, { policy, random: testRandom('again') })
  expect(['closed', 'none']).toContain(again.state)
  expect(await keysBelow(sample.storage, 'data/')).toEqual(left)
  expect(await keysBelow(sample.storage, 'gc/')).toEqual(['gc/1/closed', 'gc/1/plan', 'gc/1/seal'])
  expect(await keysBelow(sample.storage, 'sessions/')).toEqual([])
  expect(await faultsOf(sample)).toEqual([])
}

async function start(): Promise<{ readonly base: Sample; readonly left: readonly string[] }> {
  const base = await sampleRepository([1, 2, 3])
  const storage = await copyOf(base.storage)
  await runVacuum(storage, { policy })
  return { base, left: await keysBelow(storage, 'data/') }
}

/** The probe before it is a race of 16: its operations are many, and all alike. */
const key = /^(?!probe\/)/

describe('a vacuum is finished by the next one', () => {
  for (const when of ['before', 'after'] as const) {
    it(`when an operation fails ${when} its effect, each of them`, async () => {
      const { base, left } = await start()
      let failures = 0
      for (let nth = 1; ; nth += 1) {
        const sample = { ...base, storage: await copyOf(base.storage) }
        const faulty = faultyStorage(sample.storage, { nth, when, key })
        const outcome = await runVacuum(faulty.storage, { policy }).catch((e: unknown) => e)
        if (!faulty.fired()) break
        if (outcome instanceof Error) {
          failures += 1
          expect(outcome).toMatchObject({ code: 'storage.unreachable' })
        }
        await expectFinished(sample, left)
      }
      expect(failures).toBeGreaterThan(10)
    })

    it(`when the process dies ${when} the effect of an operation, each of them`, async () => {
      const { base, left } = await start()
      let deaths = 0
      for (let nth = 1; ; nth += 1) {
        const sample = { ...base, storage: await copyOf(base.storage) }
        const dying = dyingStorage(sample.storage, { nth, when, key })
        await runVacuum(dying.storage, { policy }).catch(() => {})
        if (!dying.fired()) break
        deaths += 1
        await expectFinished(sample, left)
      }
      expect(deaths).toBeGreaterThan(40)
    })
  }
})
