import { parseArgs } from 'node:util'
import { systemClock } from '../../src/base/clock.ts'
import type { State } from '../../src/engine/state.ts'
import { createTeller } from '../../src/execute/driver.ts'
import { apply, type ExecuteOptions, plan } from '../../src/execute/run.ts'
import { strategies } from '../../src/runbook/contract.ts'
import { systemFiles } from '../../src/runbook/file-access.ts'
import { matchHosts } from '../../src/runbook/inventory/patterns.ts'
import { readPlaybook } from '../../src/runbook/playbook/playbook.ts'
import { createWorld } from '../../test/execute/world.ts'

/**
 * A fleet of hosts in this process, which answer at once: what planning and applying cost by themselves.
 *
 *   npm run bench:fleet -- [--hosts=500] [--steps=50] [--strategy=linear] [--only=plan|apply]
 *
 * Prints seconds and the most memory the process has had so far.
 */
const { values: flags } = parseArgs({
  options: {
    hosts: { type: 'string', default: '500' },
    steps: { type: 'string', default: '50' },
    strategy: { type: 'string', default: 'linear' },
    only: { type: 'string' },
  },
})
const names = Array.from(
  { length: Number(flags.hosts) },
  (_, index) => `host${String(index + 1).padStart(3, '0')}`,
)
if (!strategies.some(strategy => strategy === flags.strategy)) {
  throw new Error(`--strategy is one of ${strategies.join(', ')}`)
}

/** Every other step changes something; each has a name, a condition and a result of its own. */
function playbookText(): string {
  const steps = Array.from({ length: Number(flags.steps) }, (_, index) =>
    index % 2 === 0
      ? `    - name: start u${index} on {{ inventory_hostname }}
      unit: { name: "u${index}-{{ group_names.size() }}", state: "{{ wanted }}" }
      when: wanted == 'started'
      register: r${index}`
      : `    - name: look at u${index - 1}
      look: { name: "u${index - 1}-0" }
      when: r${index - 1}.failed == false
      register: r${index}`,
  )
  return [
    '- hosts: all',
    `  strategy: ${flags.strategy}`,
    '  vars: { wanted: started }',
    '  tasks:',
    ...steps,
    '',
  ].join('\n')
}

async function measure(
  name: string,
  work: (options: ExecuteOptions) => Promise<State>,
): Promise<void> {
  const { environment } = createWorld({ hosts: names })
  let lines = 0
  let bytes = 0
  const { playbook } = readPlaybook({
    path: 'fleet.yml',
    source: playbookText(),
    catalogue: environment.library.catalogue,
    files: systemFiles,
    secrets: {
      environment: () => undefined,
      file: () => '',
      register: () => {},
      command: () => '',
      decrypt: () => new Uint8Array(),
    },
  })
  const { inventory } = environment
  const started = performance.now()
  const state = await work({
    environment,
    clock: systemClock,
    forks: 50,
    inventorySources: [],
    program: {
      playbook,
      inventory,
      extraVars: new Map(),
      exposed: {},
      run: { id: 'fleet', started: '' },
      playbookDirectory: '/',
      match: pattern => matchHosts(inventory, pattern).hosts,
    },
    tell: createTeller({
      run: 'fleet',
      clock: systemClock,
      // What a journal and --output json make of each event.
      sink: event => {
        lines += 1
        bytes += JSON.stringify(event).length
      },
    }),
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(2)
  const memory = Math.round(process.resourceUsage().maxRSS / 1024)
  if (state.exitCode !== 0) throw new Error(`${name} ended with ${state.exitCode}`)
  process.stdout.write(
    `${name}: ${seconds} s, ${memory} MB at most; ${lines} events, ${Math.round(bytes / 1e6)} MB\n`,
  )
}

process.stdout.write(
  `${names.length} hosts, ${flags.steps} steps, ${flags.strategy}, node ${process.version}\n`,
)
if (flags.only !== 'apply') await measure('plan', async options => (await plan(options)).state)
if (flags.only !== 'plan') {
  await measure('apply', options =>
    apply({
      ...options,
      confirm: async () => true,
      synced: async () => {},
      invocation: { directory: '/', forks: 50 },
    }),
  )
}
