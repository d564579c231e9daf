import { parseArgs } from 'node:util'
import { simulateSeed } from './check.ts'
import { describeFailure } from './describe.ts'
import { shrink } from './shrink.ts'

// npm run sim -- --seed N [--seeds M]: simulates seeds N .. N+M-1 and shows the first that fails.
const { values } = parseArgs({
  options: { seed: { type: 'string', default: '0' }, seeds: { type: 'string', default: '1' } },
})
const first = Number(values.seed)
const count = Number(values.seeds)
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  throw new Error('--seed and --seeds take whole numbers')
}
let failed = false
for (let seed = first; seed < first + count && !failed; seed += 1) {
  for (const deaths of [false, true]) {
    const failure = failed ? undefined : await simulateSeed(seed, { deaths })
    if (failure === undefined) continue
    failed = true
    process.stdout.write(describeFailure(await shrink(failure)))
  }
}
if (!failed) process.stdout.write(`${count} seeds from ${first}: every promise is kept\n`)
process.exitCode = failed ? 1 : 0
