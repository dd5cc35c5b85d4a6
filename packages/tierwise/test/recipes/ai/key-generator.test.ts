import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { ConfigError, KeyError } from '../../../src/index.ts'
import { createKeyGenerator } from '../../../src/recipes/ai/index.ts'
import type { KeyParts } from '../../../src/recipes/ai/index.ts'

const secret = 'a secret of 16 bytes or more'
const keys = createKeyGenerator({ secret })
const base: KeyParts = { operation: 'summarize', model: 'm', text: 'steel' }
const keyOf = (parts: Partial<KeyParts>): string => keys.key({ ...base, ...parts })

/** What makes boundaries look like content: separators, digits, quotes, halves of surrogate pairs. */
const hostileText = fc.string({
  unit: fc.constantFrom('a', '1', ':', '|', '/', ';', '"', '{', 's', 'o', '\ud83d', '\ude00', '\ufffd', '\0'),
  maxLength: 6,
})
const plainValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    hostileText,
    fc.integer({ min: -2, max: 12 }),
    fc.constantFrom(true, false, null, 1n, NaN, 0.5, new Date(0), new Date(1)),
    fc.uint8Array({ maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(hostileText, tie('value'), { maxKeys: 3 }),
    fc.array(tie('value'), { maxLength: 2 }).map((items) => new Set(items)),
    fc.array(fc.tuple(hostileText, tie('value')), { maxLength: 2 }).map((pairs) => new Map(pairs)),
  ),
})).value
const parts: fc.Arbitrary<KeyParts> = fc.record(
  {
    operation: fc.constantFrom('summarize', 'qa', 'summarize/m'),
    model: fc.constantFrom('m', 'n', 'm/n', 'm%2Fn'),
    text: hostileText,
    question: hostileText,
    modelVersion: hostileText,
    promptTemplate: hostileText,
    tenant: hostileText,
    messages: plainValue,
    options: plainValue,
    parameters: plainValue,
  },
  { requiredKeys: ['operation', 'model'] },
)

/** Equal content, told without the code under test. */
function sameContent(one: unknown, other: unknown): boolean {
  try {
    expect(withoutOrder(one)).toStrictEqual(withoutOrder(other))
    return true
  } catch {
    return false
  }
}
function withoutOrder(value: unknown): unknown {
  if (value instanceof Set) return { set: [...value].map((each) => JSON.stringify(show(each))).sort() }
  if (value instanceof Map) return { map: [...value].map((each) => JSON.stringify(show(each))).sort() }
  if (Array.isArray(value)) return value.map(withoutOrder)
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withoutOrder(field)]))
}
function show(value: unknown): unknown {
  if (value instanceof Set) return { set: [...value].map((each) => JSON.stringify(show(each))).sort() }
  if (value instanceof Map) return { map: [...value].map((each) => JSON.stringify(show(each))).sort() }
  if (Array.isArray(value)) return ['list', ...value.map(show)]
  if (value instanceof Date || value instanceof Uint8Array)
    return [value.constructor.name, ...new Uint8Array(Buffer.from(String(Number(value)) + String(value)))]
  if (typeof value !== 'object' || value === null) return [typeof value, String(value)]
  return Object.fromEntries(
    Object.entries(value)
      .sort()
      .map(([name, field]) => [name, show(field)]),
  )
}

const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled)
  if (value instanceof Set) return new Set([...value].reverse())
  if (value instanceof Map) return new Map([...value].reverse())
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value
  return {
    left_out: undefined,
    ...Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([name, field]) => [name, shuffled(field)]),
    ),
  }
}

describe('keys', () => {
  it('differ for requests that differ', () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(keys.key(one) === keys.key(other)).toBe(sameContent(one, other))
      }),
      { numRuns: 3000 },
    )
  })

  it('differ when a value is moved to another part', () => {
    const names = [
      'text',
      'question',
      'modelVersion',
      'promptTemplate',
      'tenant',
      'messages',
      'options',
      'parameters',
    ] as const
    fc.assert(
      fc.property(plainValue, hostileText, (value, text) => {
        const made = names.map((name) =>
          keys.key({
            operation: 'x',
            model: 'm',
            [name]: ['messages', 'options', 'parameters'].includes(name) ? value : text,
          }),
        )
        expect(new Set(made).size).toBe(names.length)
      }),
    )
  })

  it('are the same whatever the order of properties, and with properties that are undefined', () => {
    fc.assert(
      fc.property(parts, (given) => {
        expect(keys.key(shuffled(given) as KeyParts)).toBe(keys.key(given))
      }),
    )
  })

  it.each([
    ['a number and its text', { options: { n: 1 } }, { options: { n: '1' } }],
    ['null and left out', { options: { n: null } }, { options: {} }],
    ['an empty text and none', { text: '' }, { text: undefined }],
    ['nested lists', { options: [[1], 2] }, { options: [[1, 2]] }],
    ['bytes and their text', { messages: new Uint8Array([97]) }, { messages: 'a' }],
    ['a text and the list of it', { messages: ['a'] }, { messages: 'a' }],
    ['halves of surrogate pairs', { text: '\ud800' }, { text: '\ufffd' }],
    ['zeros', { options: 0 }, { options: -0 }],
    ['a Set and the list of it', { options: new Set(['a']) }, { options: ['a'] }],
    ['a model and none that is named', { model: 'm' }, { model: 'n' }],
  ])('differ for %s', (_, one: Partial<KeyParts>, other: Partial<KeyParts>) => {
    expect(keyOf(one)).not.toBe(keyOf(other))
  })

  it('are the same for a text in pieces, as text or bytes, wherever it is cut and whatever the threshold', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 50 }),
        async (text, size, threshold) => {
          const wanted = keyOf({ text })
          const other = createKeyGenerator({ secret, textHashThreshold: threshold })
          const inText = Array.from({ length: Math.ceil(text.length / size) }, (__, at) =>
            text.slice(at * size, (at + 1) * size),
          )
          const bytes = Buffer.from(text)
          const inBytes = Array.from({ length: Math.ceil(bytes.length / size) }, (__, at) =>
            bytes.subarray(at * size, (at + 1) * size),
          )
          expect(other.key({ ...base, text })).toBe(wanted)
          expect(await other.keyOf({ ...base, text: Readable.from(inText) })).toBe(wanted)
          expect(await other.keyOf({ ...base, text: Readable.from(inBytes) })).toBe(wanted)
        },
      ),
    )
    const long = 'steel \ud83d\ude00'.repeat(50_000)
    expect(await keys.keyOf({ ...base, text: Readable.from([long.slice(0, 65_537), long.slice(65_537)]) })).toBe(
      keyOf({ text: long }),
    )
  })

  it('have a whole digest, and nothing of a text, a question or an option', () => {
    const key = keyOf({ text: 'private', question: 'private', options: { private: 'private' } })
    expect(key).toMatch(/^summarize\/m\/\/[0-9a-f]{64}$/)
  })

  it('depend on the secret, of which there is none without being asked for', () => {
    const other = createKeyGenerator({ secret: 'another secret of 16 bytes' })
    expect(new Set([keys, other, createKeyGenerator()].map((each) => each.key(base))).size).toBe(3)
    expect(() => createKeyGenerator({ secret: 'too short' })).toThrow(ConfigError)
  })

  it('show the parts that are asked for, escaped', () => {
    const key = createKeyGenerator({ legible: ['tenant', 'model'] }).key({ ...base, model: 'a/b*é', tenant: 'acme' })
    expect(key).toMatch(/^a%2Fb%2A%C3%A9\/acme\/[0-9a-f]{64}$/)
    expect(createKeyGenerator({ legible: [] }).key(base)).toMatch(/^[0-9a-f]{64}$/)
    expect(keyOf({ tenant: 'é*'.repeat(3000) }).length).toBeLessThan(300)
  })

  it('are the same in every process and every version', () => {
    const given = {
      ...base,
      options: { b: [1, 'x', null], a: new Date(0) },
      parameters: { temperature: 0.5 },
      tenant: 'acme',
    }
    expect([createKeyGenerator().key(base), keys.key(given)]).toMatchInlineSnapshot(`
      [
        "summarize/m//ef9f610e3f6bd1e31969623759dadbbf5ca5ba62aa903712a2766165a17c58fd",
        "summarize/m/acme/63f5f4dd7aca28c72c59bc540fe3e9e3b2112a75e1f012f4140f4aacc73e4791",
      ]
    `)
  })

  it('need an operation and a model, which may be that of the generator', () => {
    expect(() => keys.key({ operation: 'x' })).toThrow(KeyError)
    expect(() => keys.key({ operation: '', model: 'm' })).toThrow(KeyError)
    expect(createKeyGenerator({ secret, model: 'm' }).key({ operation: 'summarize', text: 'steel' })).toBe(keyOf({}))
  })

  it.each([
    ['functions', () => 1],
    ['symbols', Symbol('x')],
    ['instances of classes', new (class Tool {})()],
  ])('refuse %s', (_, value) => {
    expect(() => keyOf({ options: { value } })).toThrow(KeyError)
  })

  it('refuse cycles and what is nested too deeply, and take an object twice', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    expect(() => keyOf({ options: cycle })).toThrow('contains itself')
    let deep: unknown = 1
    for (let level = 0; level < 300; level++) deep = [deep]
    expect(() => keyOf({ options: deep })).toThrow(KeyError)
    const shared = { a: 1 }
    expect(keyOf({ options: [shared, shared] })).toBe(keyOf({ options: [{ a: 1 }, { a: 1 }] }))
  })

  it('tell how long they took', () => {
    const made: unknown[] = []
    const clock = { now: () => 5, burstNow: () => 5 }
    createKeyGenerator({ clock, onKey: (each) => made.push(each) }).key(base)
    expect(made).toEqual([{ operation: 'summarize', textLength: 5, ms: 0 }])
  })
})
