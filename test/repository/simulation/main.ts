import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

// tsx test/repository/simulation/main.ts --seed N --count M: simulates seeds N .. N+M-1 and shows all
// that happened in the first that fails.
const { values } = parseArgs({
  options: { seed: { type: 'string', default: '0' }, count: { type: 'string', default: '1' } },
})
const first = Number(values.seed)
const count = Number(values.count)
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  throw new Error('--seed and --count take whole numbers')
}
const began = performance.now()
for (let seed = first; ; seed += 1) {
  if (seed === first + count) {
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    process.stdout.write(`${count} seeds from ${first}, ${seconds} s: every promise is kept\n`)
    break
  }
  const { violation, log } = await simulate(seed)
  if (violation === undefined) continue
  process.stdout.write(`${log.join('\n')}\n\nseed ${seed}, ${violation.message}\n`)
  process.exitCode = 1
  break
}
