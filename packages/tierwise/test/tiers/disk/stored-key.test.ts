import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { ordinaryKeyOf, rangeOfPrefix, storedKeyEncoder, storedKeyOf } from '../../../src/tiers/disk/stored-key.ts'

function bytesOf(key: string): Buffer {
  const target = Buffer.alloc(4096)
  return target.subarray(0, storedKeyEncoder.writeKey(storedKeyOf(key), target, 0))
}

/** Any sequence of UTF-16 units, short or beyond every limit. */
const anyKey = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 20 }),
  fc
    .tuple(fc.string({ unit: 'binary', maxLength: 4 }), fc.integer({ min: 0, max: 4000 }))
    .map(([text, count]) => 'kä'.repeat(count) + text),
  fc.string({ unit: 'binary' }),
)

describe('stored keys', () => {
  it('fit into what LMDB takes, and are never empty', () => {
    fc.assert(fc.property(anyKey, (key) => bytesOf(key).length > 0 && bytesOf(key).length <= 1978))
  })

  it('differ when the keys differ', () => {
    fc.assert(fc.property(anyKey, anyKey, (one, other) => one === other || !bytesOf(one).equals(bytesOf(other))))
    expect(bytesOf('a\ud800')).not.toEqual(bytesOf('a\ud801'))
    expect(bytesOf('x'.repeat(5000))).not.toEqual(bytesOf('x'.repeat(5001)))
  })

  it('lie in the range of every prefix of the key', () => {
    fc.assert(
      fc.property(anyKey, fc.nat(), (key, cut) => {
        const { start, end } = rangeOfPrefix(key.slice(0, cut % (key.length + 1)))
        const bytes = bytesOf(key)
        expect(start === undefined || Buffer.compare(start, bytes) <= 0).toBe(true)
        expect(end === undefined || Buffer.compare(bytes, end) < 0).toBe(true)
      }),
    )
  })

  it('lie in no exact range of a prefix that the key does not have', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (key, prefix) => {
        const { start, end, exact } = rangeOfPrefix(prefix)
        fc.pre(exact && !key.startsWith(prefix))
        const bytes = bytesOf(key)
        expect(
          start !== undefined &&
            end !== undefined &&
            Buffer.compare(start, bytes) <= 0 &&
            Buffer.compare(bytes, end) < 0,
        ).toBe(false)
      }),
    )
  })

  it('give an ordinary key back, and no other', () => {
    fc.assert(fc.property(anyKey, (key) => [key, undefined].includes(ordinaryKeyOf(bytesOf(key)))))
    expect(ordinaryKeyOf(bytesOf('tw:1:n:ключ'))).toBe('tw:1:n:ключ')
  })
})
