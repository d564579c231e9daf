import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { setAside } from '../../../src/modules/nebula/set-aside.ts'
import { errorOf } from '../../connection/support.ts'
import { applyAt, planAt } from '../repository/site.ts'
import { shellHost } from '../shell-host.ts'
import { nebulaSite } from './service-scene.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-aside-'))
  path = join(folder, 'cluster.id')
  writeFileSync(path, 'old')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const site = nebulaSite({ host: shellHost(), settings: {} })
const args = () => ({
  cluster: 'graph',
  paths: { here: [path, join(folder, 'none')] },
  tag: 'r1',
})

describe('nebula.set_aside', () => {
  it('renames what is there, once, and puts it back', async () => {
    expect(await applyAt(site, setAside, args())).toEqual({ renamed: { here: [path] } })
    expect(readdirSync(folder)).toEqual(['cluster.id.bkp-r1'])
    expect((await planAt(site, setAside, args())).kind).toBe('unchanged')
    expect(await applyAt(site, setAside, { ...args(), undo: true })).toEqual({
      renamed: { here: [path] },
    })
    expect(readdirSync(folder)).toEqual(['cluster.id'])
    expect((await planAt(site, setAside, { ...args(), undo: true })).kind).toBe('unchanged')
  })

  it('keeps both where the service has made a new one meanwhile', async () => {
    for (const round of ['first', 'second']) {
      await applyAt(site, setAside, args())
      writeFileSync(path, `new of the ${round}`)
      // What is there now is not what was in the way.
      expect((await planAt(site, setAside, args())).kind).toBe('unchanged')
      await applyAt(site, setAside, { ...args(), undo: true })
      expect(readFileSync(path, 'utf8')).toBe('old')
    }
    expect(readdirSync(folder).toSorted()).toEqual([
      'cluster.id',
      'cluster.id.bkp-r1-new',
      'cluster.id.bkp-r1-new1',
    ])
  })

  it('sets no folder aside, and knows its hosts', async () => {
    mkdirSync(join(folder, 'data'))
    const paths = { here: [join(folder, 'data')] }
    expect((await errorOf(planAt(site, setAside, { ...args(), paths }))).code).toBe('step.failed')
    const elsewhere = { there: [path] }
    const error = await errorOf(planAt(site, setAside, { ...args(), paths: elsewhere }))
    expect(error.code).toBe('schema.invalid')
  })
})
