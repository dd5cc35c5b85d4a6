import { describe, expect, it } from 'vitest'
import { weigh, weighKey } from '../../../src/tiers/memory/weigh.ts'
import { usedBytes } from './heap.ts'

/** Heap to fill with copies, so that the noise of the process does not show. */
const measuredBytes = 10_000_000

/** Texts that are not shared: each is built from bytes. Some Nodes share the keys of tables, so those differ from copy to copy. */
function text(length: number, id: number): string {
  return Buffer.from(`${id}`.padStart(length, 'x')).toString('latin1')
}

function person(id: number): object {
  return { id, name: text(20, id), score: id + 0.5, active: id % 2 === 0, address: { street: text(30, id), zip: id } }
}

function dictionary(id: number): unknown {
  const names = Array.from({ length: 300 }, (_, at) => `"${id}-${at}":${at}`)
  return JSON.parse(`{${names.join(',')}}`)
}

const shapes: Readonly<Record<string, (id: number) => unknown>> = {
  'a short text': (id) => text(30, id),
  'a long text': (id) => text(5000, id),
  'a text beyond Latin-1': (id) => `${'ж'.repeat(200)}${id}`.normalize('NFD').replace('ж', 'ш'),
  'a flat object': (id) => ({ id, name: text(24, id), active: true, count: id }),
  'a nested object': person,
  'a parsed document': (id) => JSON.parse(JSON.stringify({ data: [person(id), person(id + 1)], total: 2 })) as unknown,
  'an array of small integers': (id) => Array.from({ length: 100 }, (_, at) => (at + id) % 1000),
  'an array of fractions': (id) => Array.from({ length: 100 }, (_, at) => at + id / 7),
  'an array of texts': (id) => Array.from({ length: 40 }, (_, at) => text(16, at + id)),
  'a long array of objects': (id) => Array.from({ length: 300 }, (_, at) => ({ id: at, name: text(16, at + id) })),
  'a map': (id) => new Map(Array.from({ length: 40 }, (_, at) => [text(12, id * 40 + at), at])),
  'a set': (id) => new Set(Array.from({ length: 40 }, (_, at) => text(12, id * 40 + at))),
  'a buffer': (id) => Buffer.alloc(10_000, id),
  'a typed array': (id) => new Float64Array(500).fill(id),
  'a date': (id) => new Date(id),
  'a dictionary': (id) => dictionary(id),
}

/** Heap growth of a copy; its place in an array is there before. */
function measured(build: (id: number) => unknown): number {
  const copies = Math.ceil(measuredBytes / Math.max(100, weigh(build(0))))
  const kept: unknown[] = Array.from({ length: copies }, () => undefined)
  for (let id = 0; id < 100; id++) build(id)
  const before = usedBytes()
  for (let id = 0; id < copies; id++) kept[id] = build(id)
  return (usedBytes() - before) / kept.length
}

describe('weigh', () => {
  for (const [name, build] of Object.entries(shapes)) {
    it(`estimates ${name} within 25 % of the heap it takes`, () => {
      const actual = measured(build)
      const estimate = weigh(build(1))
      expect(estimate, `measured ${actual}`).toBeGreaterThan(actual * 0.75)
      expect(estimate, `measured ${actual}`).toBeLessThan(actual * 1.25)
    })
  }

  it('ends on cycles and counts a shared object once', () => {
    const leaf = { text: text(1000, 1) }
    const twice = { one: leaf, other: leaf }
    const loop: { self?: unknown; leaf: unknown } = { leaf }
    loop.self = loop
    expect(weigh(twice)).toBeLessThan(weigh(leaf) * 1.2)
    expect(weigh(loop)).toBeLessThan(weigh(leaf) * 1.2)
  })

  it('looks at a bounded part of a large value', () => {
    const wide = Array.from({ length: 100_000 }, (_, at) => ({ id: at, list: [at, at + 1] }))
    let deep: object = {}
    for (let depth = 0; depth < 100_000; depth++) deep = { deep }
    weigh(wide)
    const started = performance.now()
    for (let round = 0; round < 100; round++) {
      weigh(wide)
      weigh(deep)
    }
    expect((performance.now() - started) / 100).toBeLessThan(5)
  })

  it('weighs what takes no room beyond its slot as nothing', () => {
    expect([null, true, 7, Symbol.iterator].map(weigh)).toEqual([0, 0, 0, 0])
  })

  it('survives a value whose getter throws', () => {
    const trap = {
      get secret(): never {
        throw new Error('read')
      },
    }
    expect(weigh(trap)).toBeGreaterThan(0)
  })

  it('weighs keys by their characters', () => {
    expect(weighKey('user:1')).toBeLessThan(weighKey('user:1234567890'))
    expect(weighKey('имя'.repeat(10))).toBeGreaterThan(weighKey('abc'.repeat(10)))
  })
})
