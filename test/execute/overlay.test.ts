import { describe, expect, it } from 'vitest'
import { content, type FileFacts, file, sha256 } from '../../src/connection/probes.ts'
import { chaseLinks, linksIn, withAliases } from '../../src/execute/aliases.ts'
import { createOverlay, type PlannedChange } from '../../src/execute/overlay.ts'
import { hasUnknown } from '../../src/expression/unknown.ts'

const absent: FileFacts = { kind: 'absent' }
const facts = (given: object = {}): FileFacts => ({
  kind: 'file',
  sizeBytes: 4,
  mode: '0644',
  user: 'root',
  group: 'root',
  uid: 0,
  gid: 0,
  mtimeNs: '1',
  inode: '7',
  hardLinks: 1,
  ...given,
})
const directory = facts({ kind: 'directory' })

/** An overlay of one host, by probes. */
function planned() {
  const overlay = createOverlay()
  const record = (path: string, change: Partial<PlannedChange> = {}): void =>
    overlay.record({
      host: 'a',
      resources: [`file:${path}`],
      after: new Map(),
      opaque: false,
      ...change,
    })
  const foretell = (path: string, value: FileFacts, seen: FileFacts = absent): void =>
    record(path, {
      seen: new Map([[file(path).identity, seen]]),
      after: new Map([[file(path).identity, value]]),
    })
  const of = (probe: { readonly identity: string }): unknown => {
    const found = overlay.predicted('a', probe.identity)
    return found === undefined ? 'asks' : found.value
  }
  const doubts = (...resources: readonly string[]): boolean =>
    overlay.isUncertain('a', { resources, asked: true })
  return { overlay, record, foretell, of, doubts }
}

describe('files that a plan foretells', () => {
  it('have no content any more once they were removed, and nothing lies below them', () => {
    const { foretell, of, record } = planned()
    record('/d/x', {
      after: new Map<string, unknown>([
        [file('/d/x').identity, facts()],
        [sha256('/d/x').identity, 'abc'],
      ]),
    })
    foretell('/d', absent, directory)
    expect(of(file('/d/x'))).toEqual(absent)
    expect(of(sha256('/d/x'))).toBeUndefined()
    foretell('/d', directory)
    expect(of(file('/d/x'))).toEqual(absent)
    expect(of(file('/d/y/z'))).toEqual(absent)
    expect(of(file('/e'))).toBe('asks')
  })

  it('are what they are by every question, as far as one answer tells another', () => {
    const { foretell, of } = planned()
    foretell('/empty', facts({ sizeBytes: 0 }))
    expect(of(file('/empty', { follow: true }))).toEqual(facts({ sizeBytes: 0 }))
    expect(of(content('/empty', 10))).toEqual({ bytes: new Uint8Array(), truncated: false })
    foretell('/d', directory)
    expect(of(sha256('/d'))).toBeUndefined()
  })

  it('keep their content where only their mode changes, as the step saw it', () => {
    const { of, record } = planned()
    record('/x', {
      seen: new Map<string, unknown>([
        [file('/x').identity, facts()],
        [sha256('/x').identity, 'abc'],
      ]),
      after: new Map([[file('/x').identity, facts({ mode: '0600' })]]),
    })
    expect(of(sha256('/x'))).toBe('abc')
  })

  it('are unknown once a step may have changed them, and so is what lies below', () => {
    const { doubts, foretell, of, record } = planned()
    foretell('/x', facts())
    record('/x')
    expect(of(file('/x'))).toBe('asks')
    expect(doubts('file:/x')).toBe(true)
    expect(doubts('file:/x/y')).toBe(true)
    expect(doubts('look:/x')).toBe(true)
  })

  it('share their mode with all their names', () => {
    const { overlay, foretell, of } = planned()
    foretell('/one', facts({ hardLinks: 2 }))
    foretell('/two', facts({ hardLinks: 2, mode: '0600' }), facts({ hardLinks: 2 }))
    expect(of(file('/one'))).toMatchObject({ mode: '0600' })
    const seen = new Map([[file('/three').identity, facts({ hardLinks: 2 })]])
    expect(overlay.isUncertain('a', { resources: ['file:/three'], asked: true, seen })).toBe(true)
  })

  it('need the folders above them, whatever the host says', () => {
    const { overlay, foretell } = planned()
    foretell('/a/b/x', facts())
    const implied = overlay.corrected('a', file('/a/b').identity, absent) as { mode: unknown }
    expect(implied).toMatchObject({ kind: 'directory' })
    expect(hasUnknown(implied.mode)).toBe(true)
    expect(overlay.corrected('a', file('/a/c').identity, absent)).toEqual(absent)
  })

  it('lie nobody knows where below what becomes a symlink', () => {
    const { doubts, foretell } = planned()
    foretell('/l', facts({ kind: 'symlink', target: '/d' }))
    expect(doubts('file:/l/x')).toBe(true)
    expect(doubts('file:/d/x')).toBe(false)
  })
})

describe('resources', () => {
  it('below a folder that a step goes through are doubted, and so is whatever reads anything', () => {
    const { doubts, record } = planned()
    expect(doubts('host:')).toBe(false)
    record('/d', { resources: ['file:/d', 'below:/d'] })
    expect(doubts('file:/d/x')).toBe(true)
    expect(doubts('tree:/d/x')).toBe(true)
    expect(doubts('tree:/')).toBe(true)
    expect(doubts('file:/other')).toBe(false)
    expect(doubts('host:')).toBe(true)
  })

  it('that are only looked at are doubted where the host itself was asked about them', () => {
    const { overlay, foretell } = planned()
    foretell('/x', facts())
    const looked = { resources: ['look:/x'], asked: true }
    const questions = (path: string) => new Set([file(path).identity])
    expect(overlay.isUncertain('a', { ...looked, questions: questions('/y') })).toBe(false)
    expect(overlay.isUncertain('a', { ...looked, questions: questions('/x') })).toBe(true)
  })

  it('are those of what symlinks lead to, too', () => {
    const probes = { file: file('/l'), parent: file('/p') }
    const seen = {
      file: facts({ kind: 'symlink', target: 'real' }),
      parent: facts({ kind: 'symlink', target: '/srv' }),
    }
    expect(withAliases(['file:/l', 'tree:/p/x', 'host:'], linksIn(probes, seen))).toEqual([
      'file:/l',
      'tree:/p/x',
      'host:',
      'file:/real',
      'tree:/srv/x',
    ])
  })

  it('are those of what a chain of links leads to, also of one that leads into itself', async () => {
    const answers = [
      { 'link 0': facts({ kind: 'symlink', target: '/c' }) },
      { 'link 0': facts({ kind: 'symlink', target: '/a' }) },
    ]
    const links = await chaseLinks(new Map([['/a', '/b']]), async () => answers.shift() ?? {})
    expect([...links]).toEqual([
      ['/a', '/b'],
      ['/b', '/c'],
      ['/c', '/a'],
    ])
    expect(withAliases(['file:/a'], links)).toEqual(['file:/a', 'file:/b', 'file:/c'])
    expect(withAliases(['file:/x/y'], new Map([['/x', '/x/x']])).length).toBeLessThan(300)
  })
})
