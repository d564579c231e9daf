import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byteText, holdsEscapedBytes, textBytes } from '../../src/base/byte-text.ts'

describe('bytes as text', () => {
  it('reads UTF-8 as it is and keeps every other byte', () => {
    expect(byteText(Buffer.from('é😀\ufffd'))).toBe('é😀\ufffd')
    expect(byteText(Buffer.from([0x61, 0xff, 0x62, 0xc3]))).toBe('a\udcffb\udcc3')
    // A surrogate in UTF-8 and an overlong slash are no UTF-8.
    expect(byteText(Buffer.from([0xed, 0xb2, 0x80]))).toBe('\udced\udcb2\udc80')
    expect(byteText(Buffer.from([0xc0, 0xaf]))).toBe('\udcc0\udcaf')
  })

  it('comes back byte by byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        expect([...textBytes(byteText(bytes))]).toEqual([...bytes])
      }),
    )
  })

  it('leaves text of other origin UTF-8', () => {
    expect(textBytes('😀')).toEqual(Buffer.from('😀'))
    expect([holdsEscapedBytes('😀'), holdsEscapedBytes('a\udcff')]).toEqual([false, true])
  })
})
