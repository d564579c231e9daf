import * as fc from 'fast-check'
import { createPlace, hostNames, type Stands } from './place.ts'
import { type Expected, liesOf, printed, tell } from './truth.ts'

/** Files that a few steps in a row are done to; a folder, a file in it, links between them. */
export interface Sequence {
  readonly stands: Readonly<Record<string, Stands>>
  readonly steps: readonly string[]
}

const names = ['a', 'b', 'd', 'd/a'] as const
const name = fc.constantFrom(...names)
const flat = fc.constantFrom('a', 'b')
const text = fc.constantFrom('', 'one\n', 'two\n', 'one\ntwo\n')
const mode = fc.constantFrom('0644', '0600', '0755')
const quoted = (value: string): string => JSON.stringify(value)

const wanted = fc
  .option(mode, { nil: undefined })
  .map(given => (given === undefined ? '' : `, mode: "${given}"`))

const copy = fc
  .tuple(name, text, wanted)
  .map(
    ([at, given, more]) => `copy: { dest: "@HOST@/@N@/${at}", content: ${quoted(given)}${more} }`,
  )
const template = fc
  .tuple(name, fc.constantFrom('one', 'two'), wanted)
  .map(([at, given, more]) => `template: { dest: "@HOST@/@N@/${at}", src: ${given}.hbs${more} }`)
const line = fc
  .tuple(name, fc.constantFrom('one', 'two', 'three'), fc.boolean(), fc.boolean())
  .map(
    ([at, given, create, gone]) =>
      `lineinfile: { path: "@HOST@/@N@/${at}", line: ${given}${gone ? ', state: absent' : `, create: ${create}`} }`,
  )
const file = fc
  .tuple(name, fc.constantFrom('directory', 'absent', 'file'), wanted)
  .map(([at, state, more]) => `file: { path: "@HOST@/@N@/${at}", state: ${state}${more} }`)
const recurse = fc
  .tuple(fc.constantFrom('d'), mode)
  .map(
    ([at, given]) =>
      `file: { path: "@HOST@/@N@/${at}", state: directory, recurse: true, mode: "${given}" }`,
  )
const link = fc
  .tuple(flat, name, fc.constantFrom('link', 'hard'), fc.boolean())
  .filter(([at, to]) => at !== to)
  .map(
    ([at, to, state, force]) =>
      `file: { path: "@HOST@/@N@/${at}", src: "@HOST@/@N@/${to}", state: ${state}, force: ${force} }`,
  )
const guarded = name.map(
  at => `command: { cmd: "touch @HOST@/@N@/done", creates: "@HOST@/@N@/${at}" }`,
)
const service = fc
  .tuple(fc.constantFrom('started', 'stopped'), fc.option(fc.boolean(), { nil: undefined }))
  .map(
    ([state, enabled]) =>
      `service: { name: "unit@N@", state: ${state}${enabled === undefined ? '' : `, enabled: ${enabled}`} }`,
  )

const stands = fc.record({
  a: fc.constantFrom<Stands>(null, 'one\n', 'two\n', '', { link: 'b' }, { folder: '755' }),
  b: fc.constantFrom<Stands>(null, 'one\n', { text: 'one\ntwo\n', mode: '600' }, { link: 'd' }),
  d: fc.constantFrom<Stands>(null, { folder: '755' }, { folder: '700' }, 'one\n'),
})

/** Where the second plan has to be empty: each path and service has one step that decides about it. */
export const sequence: fc.Arbitrary<Sequence> = fc.record({
  stands,
  steps: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: copy },
      { weight: 2, arbitrary: template },
      { weight: 3, arbitrary: line },
      { weight: 4, arbitrary: file },
      { weight: 1, arbitrary: recurse },
      { weight: 2, arbitrary: link },
      { weight: 1, arbitrary: guarded },
      { weight: 2, arbitrary: service },
    ),
    { minLength: 1, maxLength: 6 },
  ),
})

/** A list of sequences, each of them shrunk and left out by itself. */
export const batch: fc.Arbitrary<readonly Sequence[]> = fc.array(sequence, {
  minLength: 1,
  maxLength: 4,
})

/**
 * Plans and runs all of them in one playbook, each in a folder and with a service of its own, and plans
 * again. Where steps undo each other, so does the second run: only where each has its own subject the
 * second plan must be empty. Throws with the whole story at a lie.
 */
export async function holdsTrue(sequences: readonly Sequence[]): Promise<void> {
  const place = createPlace()
  try {
    place.write('templates/one.hbs', '{{first}}\n')
    place.write('templates/two.hbs', '{{first}}\ntwo\n')
    const lines: string[] = []
    for (const [index, each] of sequences.entries()) {
      // A command makes all uncertain that comes after it on its host.
      lines.push(`- hosts: ${hostNames[index]}`, '  vars: { first: one }', '  environment:')
      lines.push('    PATH: "@UNITS@/.bin:/usr/bin:/bin"', '    UNITS: "@UNITS@"', '  tasks:')
      place.stand({ [`${index}`]: { folder: '755' } })
      place.stand(
        Object.fromEntries(
          Object.entries(each.stands).map(([at, what]) => [`${index}/${at}`, what]),
        ),
      )
      place.unit(`unit${index}`)
      for (const [at, step] of each.steps.entries()) {
        lines.push(`    - name: "sequence ${index} step ${at}"`, '      ignore_errors: true')
        lines.push(`      ${step.replaceAll('@N@', `${index}`)}`)
      }
    }
    place.write('site.yml', `${lines.join('\n')}\n`)
    const tale = await tell(place, 'site.yml')
    if (tale.planned.status !== 0) throw new Error(`the plan failed: ${tale.planned.stderr}`)
    const lies = liesOf(tale, expected(sequences))
    if (lies.length > 0) throw new Error([...lies, '', printed(tale)].join('\n'))
  } finally {
    place.remove()
  }
}

function expected(sequences: readonly Sequence[]): Expected {
  const settled = sequences.flatMap((each, index) => (isSettled(each) ? [index] : []))
  return {
    besides: /\/done$/,
    again: name => settled.some(index => name.startsWith(`sequence ${index} `)),
  }
}

/** Each step has a path of its own that lies neither above nor below another's, and no links. */
function isSettled({ steps, stands }: Sequence): boolean {
  const isLinked = Object.values(stands).some(
    what => typeof what === 'object' && what !== null && 'link' in what,
  )
  const subjects = steps.map(step => /(?:dest|path|name): "([^"]*)"/.exec(step)?.[1] ?? step)
  const plain = steps.every(step => !/src: "@HOST@|command:/.test(step))
  return (
    plain &&
    !isLinked &&
    subjects.every((one, at) => subjects.every((other, to) => to === at || !near(one, other)))
  )
}

function near(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`)
}
