import { describe, expect, it } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import { key, keyOrNothing } from '../../src/storage/key.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { openStorage } from '../../src/storage/open.ts'
import { readOnlyStorage } from '../../src/storage/read-only.ts'
import { faultOf } from './fault.ts'

describe('openStorage', () => {
  it('opens a folder by URL and by definition', () => {
    expect(openStorage('file:///srv/a%20b').url).toBe('file:///srv/a%20b')
    expect(openStorage({ type: 'file', path: '/srv/a b' }).url).toBe('file:///srv/a%20b')
  })

  it('names what it knows for an unknown scheme', () => {
    const fault = faultOf('ftp://host/path')
    expect(fault.code).toBe('usage.invalid')
    expect(fault.message).toContain('file')
    expect(faultOf({ type: 'fil' }).hint).toBe('did you mean "file"?')
    expect(faultOf('vault').code).toBe('usage.invalid')
  })

  it('refuses credentials in a URL and never shows them', () => {
    for (const url of [
      'file://user:hunter2@localhost/path',
      'file://hunter2@/path',
      'file://u:hunter2@:x/p',
    ]) {
      const fault = faultOf(url)
      expect(fault.code).toBe('usage.invalid')
      expect(
        JSON.stringify([fault.message, fault.hint, fault.details, String(fault.cause)]),
      ).not.toContain('hunter2')
    }
  })

  it('refuses what is no path', () => {
    for (const url of ['file://host/path', 'file:///p?x=1', 'file:///a%00b', 'file:///a%2fb']) {
      expect(faultOf(url).code).toBe('usage.invalid')
    }
    for (const path of ['relative', 7, undefined]) {
      expect(faultOf({ type: 'file', path }).code).toBe('usage.invalid')
    }
    expect(faultOf({ type: 'file', path: '/a', bucket: 'b' }).message).toContain('bucket')
  })
})

describe('key', () => {
  it('takes components that are names', () => {
    for (const text of ['a', 'a/b', 'data/00', 'a b', '..a', 'é']) expect(key(text)).toBe(text)
  })

  it('refuses everything that could leave its folder or not come back as it was', () => {
    const bad = [
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '.',
      'a/./b',
      '..',
      'a/../b',
      'a\0b',
      'a\nb',
      'a\\b',
      '\ud800',
      'a/.tmp-1',
      'x'.repeat(256),
      'x/'.repeat(500),
      '\ufffd',
    ]
    for (const text of bad) {
      expect(() => key(text), JSON.stringify(text)).toThrow(BkpError)
      expect(keyOrNothing(text)).toBeUndefined()
    }
  })
})

describe('readOnlyStorage', () => {
  it('has no writing method at run time', async () => {
    const storage = createMemoryStorage()
    await storage.put(key('a'), Uint8Array.of(1), quietIo)
    const reading = readOnlyStorage(storage)
    expect(Object.keys(reading).sort()).toEqual(['capabilities', 'get', 'head', 'list', 'url'])
    expect(await reading.get(key('a'), quietIo)).toEqual(Uint8Array.of(1))
  })
})
