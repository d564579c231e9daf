import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { RunEvent } from '../../src/events/events.ts'
import { type CliOptions, type CliOutcome, runCli, temporaryFolder } from './run-cli.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
const environment = { BKP_STATE_DIR: join(folder.path, 'state') }

function file(name: string, text: string): string {
  const path = join(folder.path, name)
  writeFileSync(path, text)
  return path
}

const inventory = file(
  'inventory.yml',
  `all:
  vars: { ansible_connection: local }
  children:
    web: { hosts: { w1: , w2: } }
    db: { hosts: { d1: } }
`,
)

const book = file(
  'book.yml',
  `- name: first
  hosts: web
  tasks:
    - { name: plain, debug: { msg: "{{ json(ansible_run_tags) }} {{ default(ansible_limit, 0) }}" } }
    - { name: x, tags: x, debug: { msg: hi } }
    - name: blk
      tags: [blue]
      block:
        - { name: inb, debug: { msg: hi } }
      always:
        - { name: ina, debug: { msg: hi } }
- hosts: db
  tags: y
  tasks:
    - { name: last, debug: { msg: hi } }
`,
)

async function run(words: readonly string[], options: CliOptions = {}): Promise<CliOutcome> {
  const all = ['run', ...words, '-i', inventory, '--output', 'json']
  return await runCli(all, { directory: folder.path, environment, ...options })
}

function eventsOf({ stdout }: CliOutcome): readonly RunEvent[] {
  const lines = stdout.split('\n').filter(line => line.startsWith('{'))
  return lines.map(line => JSON.parse(line) as RunEvent)
}

/** What ran, in order: `host name`. */
function ranIn(outcome: CliOutcome): readonly string[] {
  return eventsOf(outcome).flatMap(event =>
    event.event === 'step.finished' && event.status !== 'skipped'
      ? [`${event.host} ${event.name}`]
      : [],
  )
}

describe('bkp run --tags, --skip-tags, --start-at-task, --limit', () => {
  it.each([
    [['--tags', 'x'], 'w1 x, w2 x'],
    [['--tags', 'x,y'], 'w1 x, w2 x, d1 last'],
    [['--tags', 'x', '--tags', 'y'], 'w1 x, w2 x, d1 last'],
    [['--skip-tags', 'blue', '--skip-tags', 'y'], 'w1 plain, w2 plain, w1 x, w2 x'],
    [['--start-at-task', 'ina'], 'w1 ina, w2 ina, d1 last'],
    [['--start-at-task', 'l*'], 'd1 last'],
    [['--start-at-task', 'x', '--skip-tags', 'blue'], 'w1 x, w2 x, d1 last'],
    [['--limit', 'd1'], 'd1 last'],
    [['--limit', 'w1', '--limit', 'd1', '--tags', 'x,y'], 'w1 x, d1 last'],
    [['--limit', 'all:!w1', '--tags', 'x'], 'w2 x'],
    [['--limit', `@${file('failed.retry', 'w2\nd1\n')}`, '--tags', 'x,y'], 'w2 x, d1 last'],
  ])('%j: %s', async (words, expected) => {
    const outcome = await run([book, '--forks', '1', ...words])
    expect(outcome.status, outcome.stderr).toBe(0)
    expect(ranIn(outcome).join(', ')).toBe(expected)
  })

  it('skips a play that the limit leaves no host of, and says so', async () => {
    const outcome = await run([book, '--limit', 'db'])
    expect(outcome.status).toBe(0)
    expect(eventsOf(outcome)).toContainEqual(
      expect.objectContaining({ event: 'play.skipped', play: '/0' }),
    )
  })

  it('keeps a play without tasks, as Ansible does', async () => {
    const outcome = await run([book, '--tags', 'x'])
    expect(eventsOf(outcome)).toContainEqual(
      expect.objectContaining({ event: 'play.started', play: '/1' }),
    )
  })

  it('tells of tags that no task has, and goes on with the others', async () => {
    const outcome = await run([book, '--tags', 'x,blu'])
    expect(outcome.status).toBe(0)
    expect(outcome.stderr).toBe('warning: no task has the tag "blu": did you mean "blue"?\n')
  })

  it('tells once of words of a limit that match nothing', async () => {
    const outcome = await run([book, '--limit', 'w1,w9'])
    expect(outcome.status).toBe(0)
    expect(outcome.stderr.match(/warning: "w9" matches no host/g)).toHaveLength(1)
  })

  it('shows expressions what was chosen', async () => {
    const outcome = await run([book, '--tags', 'all', '--limit', 'w1', '-v'])
    expect(eventsOf(outcome)).toContainEqual(
      expect.objectContaining({ event: 'step.finished', message: '["all"] w1' }),
    )
  })

  it.each([
    [['--tags', 'z'], 7, '--tags z leaves no task'],
    [['--start-at-task', 'lasst'], 7, 'did you mean "last"?'],
    [['--start-at-task', 'last', '--limit', 'web'], 7, 'in a play that has no hosts'],
    [['--limit', 'w9'], 7, 'leaves no host'],
    [['--limit', '@absent'], 5, 'there is no such file'],
    [['--limit', `@${file('nobody', '\n')}`], 7, 'names no host'],
    [['--limit', ' '], 5, 'limit'],
    [['--tags', ''], 5, 'tags'],
    [['--forks', '0'], 5, 'forks'],
  ])('%j ends with %i: %s', async (words, status, said) => {
    const outcome = await run([book, ...words])
    expect(outcome.status, outcome.stderr).toBe(status)
    expect(outcome.stdout + outcome.stderr).toContain(said)
  })
})

describe('bkp run --list-tasks, --list-hosts, --list-tags, --syntax-check', () => {
  const list = async (...words: readonly string[]): Promise<CliOutcome> =>
    await runCli(['run', book, '-i', inventory, ...words], { directory: folder.path, environment })

  it('list everything together, as ansible-playbook does', async () => {
    const { status, stdout } = await list('--list-tasks', '--list-hosts', '--list-tags')
    expect(status).toBe(0)
    expect(stdout).toBe(`
playbook: ${book}

  play #1 (web): first\tTAGS: []
    pattern: ['web']
    hosts (2):
      w1
      w2
    tasks:
      plain\tTAGS: []
      x\tTAGS: [x]
      inb\tTAGS: [blue]
      TASK TAGS: [blue, x]

  play #2 (db): db\tTAGS: [y]
    pattern: ['db']
    hosts (1):
      d1
    tasks:
      last\tTAGS: [y]
      TASK TAGS: [y]
`)
  })

  it('list what tags, start and limit leave', async () => {
    const tasks = await list('--list-tasks', '--start-at-task', 'inb', '--skip-tags', 'y')
    expect(tasks.stdout.match(/^ {6}\w+/gm)).toEqual(['      inb'])
    const hosts = await list('--list-hosts', '--limit', 'w2')
    expect(hosts.stdout.match(/^ {6}\w+/gm)).toEqual(['      w2'])
  })

  it('run nothing and journal nothing', async () => {
    const state = join(folder.path, 'no-state')
    await list('--list-tasks', '--state-dir', state)
    expect(() => readFileSync(state)).toThrow('ENOENT')
  })

  it('check the files alone', async () => {
    expect(await list('--syntax-check', '--limit', 'nobody')).toMatchObject({
      status: 0,
      stdout: `\nplaybook: ${book}\n`,
    })
    const faulty = file('faulty.yml', '- hosts: all\n  taskz: []\n')
    const outcome = await runCli(['plan', faulty, '--syntax-check'], { directory: folder.path })
    expect(outcome.status).toBe(6)
  })
})

/** A person who types these lines, one for each question; the questions are kept. */
function person(...lines: readonly string[]) {
  const questions: string[] = []
  const hidden: boolean[] = []
  const ask: NonNullable<CliOptions['ask']> = async (question, options) => {
    questions.push(question)
    hidden.push(options?.hidden ?? false)
    return lines[questions.length - 1]
  }
  return { ask, questions, hidden }
}

describe('vars_prompt', () => {
  const asking = file(
    'asking.yml',
    `- hosts: w1
  vars: { who: nobody }
  vars_prompt:
    - { name: who, prompt: Who is it, private: false }
    - { name: color, private: false, default: blue }
    - { name: token, prompt: The token, confirm: true, default: d-token }
  tasks:
    - { name: "{{ who }} {{ color }}", debug: { msg: "{{ token }}" } }
    - { name: fails, command: test -e ${join(folder.path, 'there')} }
`,
  )

  it('asks in order, hides what is private and asks for it twice', async () => {
    const { ask, questions, hidden } = person('me', '', 'tok-1', 'tok-2', 'tok-3', 'tok-3')
    const outcome = await run([asking], { ask })
    expect(questions).toEqual([
      'Who is it: ',
      'color [blue]: ',
      'The token [••••]: ',
      'confirm The token [••••]: ',
      'The token [••••]: ',
      'confirm The token [••••]: ',
    ])
    expect(hidden).toEqual([false, false, true, true, true, true])
    expect(outcome.stderr).toContain('the two answers differ')
    expect(ranIn(outcome)[0]).toBe('w1 me blue')
    expect(outcome.stdout).not.toContain('tok-')
    expect(outcome.stdout).toContain('••••')
  })

  it('does not ask for what -e gives', async () => {
    const { ask, questions } = person('green')
    const outcome = await run([asking, '-e', 'who=you', '-e', 'token=t'], { ask })
    expect(questions).toEqual(['color [blue]: '])
    expect(ranIn(outcome)[0]).toBe('w1 you green')
  })

  it('takes the default where nobody is there, and refuses where there is none', async () => {
    expect(ranIn(await run([asking, '-e', 'who=you']))[0]).toBe('w1 you blue')
    const outcome = await run([asking])
    expect(outcome.status).toBe(5)
    expect(outcome.stderr).toContain('-e who=VALUE')
  })

  it('lists without asking', async () => {
    const outcome = await run([asking, '--list-tasks'])
    expect(outcome.stdout).toContain('{{ who }} {{ color }}')
  })

  it('asks a resumed run only for what is private', async () => {
    const first = person('me', 'red', 'tok-1', 'tok-1')
    const failed = await run([asking, '--tags', 'untagged'], { ask: first.ask })
    expect(failed.status).toBe(2)
    const [started] = eventsOf(failed)
    expect(started).toMatchObject({
      tags: ['untagged'],
      prompted: { '/0': { who: 'me', color: 'red' } },
    })
    expect(JSON.stringify(started)).not.toContain('tok-1')
    writeFileSync(join(folder.path, 'there'), '')
    const again = person('tok-1', 'tok-1')
    const resumed = await runCli(['resume', started?.run ?? ''], {
      directory: folder.path,
      environment,
      ask: again.ask,
    })
    expect(resumed.status, resumed.stdout + resumed.stderr).toBe(0)
    expect(again.questions).toEqual(['The token [••••]: ', 'confirm The token [••••]: '])
    expect(resumed.stdout).toContain('me red')
  })
})

describe('bkp run --step', () => {
  const steps = file(
    'steps.yml',
    `- hosts: web
  tasks:
    - { name: one, debug: { msg: hi } }
    - { name: two, debug: { msg: hi } }
    - { name: three, debug: { msg: hi } }
    - { name: four, debug: { msg: hi } }
    - { name: stop, command: test -e ${join(folder.path, 'go')} }
    - { name: five, debug: { msg: hi } }
`,
  )

  it('asks before each task, once for all hosts, until it is told to continue', async () => {
    const { ask, questions } = person('y', 'n', 'Continue')
    const outcome = await run([steps, '--step', '--limit', 'w1', '--skip-tags', 'x'], { ask })
    expect(questions).toEqual([
      'Perform task: one (N)o/(y)es/(c)ontinue: ',
      'Perform task: two (N)o/(y)es/(c)ontinue: ',
      'Perform task: three (N)o/(y)es/(c)ontinue: ',
    ])
    expect(ranIn(outcome)).toEqual(['w1 one', 'w1 three', 'w1 four', 'w1 stop'])
  })

  it('leaves out what nobody answers to', async () => {
    const { ask } = person('yes', '', 'no', 'what?', 'n')
    const outcome = await run([steps, '--step', '--limit', 'w1'], { ask })
    expect(outcome.status).toBe(0)
    expect(ranIn(outcome)).toEqual(['w1 one'])
  })

  it('remembers the answers when it is resumed', async () => {
    const first = person('y', 'n', 'y', 'n', 'y')
    const failed = await run([steps, '--step', '--limit', 'w1'], { ask: first.ask })
    expect(failed.status).toBe(2)
    const [started] = eventsOf(failed)
    const id = started?.run ?? ''
    const where = { directory: folder.path, environment }
    expect((await runCli(['resume', id], where)).status).toBe(5)
    writeFileSync(join(folder.path, 'go'), '')
    const again = person('y')
    const resumed = await runCli(['resume', id], { ...where, ask: again.ask })
    expect(resumed.status, resumed.stdout).toBe(0)
    expect(again.questions).toEqual(['Perform task: five (N)o/(y)es/(c)ontinue: '])
    const ran = resumed.stdout.match(/TASK \w+(?= .*\n.* {2}(ok|changed):)/g)
    expect(ran).toEqual(['TASK one', 'TASK three', 'TASK stop', 'TASK five'])
  })

  it('needs somebody to ask, and something to do', async () => {
    const alone = await run([steps, '--step'])
    expect([alone.status, alone.stderr]).toEqual([5, expect.stringContaining('nobody is there')])
    expect((await run([steps, '--step', '--dry-run'], person())).status).toBe(5)
  })
})
