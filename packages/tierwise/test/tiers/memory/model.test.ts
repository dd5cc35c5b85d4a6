import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../../../src/contract/entry.ts'
import type { LocalSpace } from '../../../src/contract/tier.ts'
import { checkInvariants } from '../../../src/tiers/memory/invariants.ts'
import { openMemory, type MemorySession } from './memory-session.ts'

const keys = fc.integer({ min: 0, max: 30 }).map((id) => `k${id}`)
const lives = fc.option(fc.integer({ min: 1, max: 5000 }), { nil: Infinity })
const tagLists = fc.subarray(['red', 'green', 'blue'])

type Step =
  | { kind: 'set'; space: number; key: string; ttl: number; grace: number; lead: number; size: number; tags: string[] }
  | { kind: 'read' | 'find' | 'delete'; space: number; key: string }
  | { kind: 'clear' | 'list'; space: number }
  | { kind: 'invalidate'; tag: string }
  | { kind: 'advance'; ms: number }

const spaces = fc.integer({ min: 0, max: 2 })
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      space: spaces,
      key: keys,
      ttl: lives,
      grace: fc.constantFrom(0, 0, 500),
      lead: fc.constantFrom(0, 0, 100),
      size: fc.constantFrom(0, 10, 200, 900, 5000),
      tags: tagLists,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constantFrom('read' as const, 'find' as const), space: spaces, key: keys }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), space: spaces, key: keys }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('clear' as const, 'list' as const), space: spaces }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('invalidate' as const), tag: fc.constantFrom('red', 'green', 'blue') }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 3000 }) }) },
)

interface Held {
  readonly entry: Entry
  readonly reviewAt: number
}

/** What a cache of unlimited size would hold. */
class Model {
  readonly session: MemorySession
  readonly spaces: readonly LocalSpace[]
  readonly #held: readonly Map<string, Held>[] = [new Map(), new Map(), new Map()]
  #values = 0

  constructor(session: MemorySession, spaces: readonly LocalSpace[]) {
    this.session = session
    this.spaces = spaces
  }

  async apply(step: Step): Promise<void> {
    const { runtime, tags } = this.session
    if (step.kind === 'advance') await runtime.advance(step.ms)
    else if (step.kind === 'invalidate') tags.invalidate(step.tag)
    else this.#applyTo(this.spaces[step.space] as LocalSpace, this.#held[step.space] as Map<string, Held>, step)
  }

  #applyTo(space: LocalSpace, held: Map<string, Held>, step: Exclude<Step, { kind: 'advance' | 'invalidate' }>): void {
    switch (step.kind) {
      case 'set':
        return this.#set(space, held, step)
      case 'read': {
        const value = space.read(step.key)
        const known = this.#usable(held, step.key)
        if (value !== undefined) expect(value).toBe(known?.entry.value)
        if (value !== undefined) expect(this.session.runtime.clock.now()).toBeLessThan(known?.reviewAt ?? 0)
        return
      }
      case 'find': {
        const found = space.find(step.key)
        if (found === undefined) return
        const known = this.#usable(held, step.key)
        expect(found).toEqual({ ...known?.entry, reviewAt: known?.reviewAt, tagClock: found.tagClock })
        return
      }
      case 'delete':
        if (space.delete(step.key)) expect(this.#usable(held, step.key)).toBeDefined()
        held.delete(step.key)
        return
      case 'clear':
        space.clear()
        held.clear()
        expect([space.size, space.bytes]).toEqual([0, 0])
        return
      case 'list':
        for (const key of space.keys()) expect(this.#usable(held, key)).toBeDefined()
    }
  }

  #set(space: LocalSpace, held: Map<string, Held>, step: Extract<Step, { kind: 'set' }>): void {
    const now = this.session.runtime.clock.now()
    const freshUntil = now + step.ttl
    const entry = this.session.entry(++this.#values, {
      freshUntil,
      usableUntil: freshUntil + step.grace,
      sizeBytes: step.size,
      tags: step.tags,
    })
    const reviewAt = freshUntil - step.lead
    if (space.set(step.key, entry, reviewAt)) held.set(step.key, { entry, reviewAt })
    else held.delete(step.key)
  }

  #usable(held: Map<string, Held>, key: string): Held | undefined {
    const known = held.get(key)
    if (known === undefined || known.entry.usableUntil <= this.session.runtime.clock.now()) return undefined
    return this.session.tags.isCurrent(known.entry.tags, known.entry.tagClock) ? known : undefined
  }
}

describe('memory tier against a model', () => {
  it('answers only what was stored and keeps its books right, whatever the order of calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 200 }), async (sequence) => {
        const session = openMemory({ maxBytes: 8000, maxEntries: 25 })
        const spaces = [
          session.open({ namespace: 'a' }),
          session.open({ namespace: 'b', maxEntries: 7, maxBytes: 6000 }),
          session.open({ namespace: 'c', reservedBytes: 1500 }),
        ]
        const model = new Model(session, spaces)
        for (const step of sequence) {
          await model.apply(step)
          checkInvariants(session.tier)
        }
        session.tier.close()
        expect(session.runtime.pendingTimers).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('holds everything there is room for', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(keys, fc.boolean()), { maxLength: 300 }), (sequence) => {
        const session = openMemory()
        const space = session.open()
        const model = new Map<string, number>()
        for (const [at, [key, isWrite]] of sequence.entries()) {
          if (isWrite) {
            expect(space.set(key, session.entry(at), Infinity)).toBe(true)
            model.set(key, at)
          } else expect(space.delete(key)).toBe(model.delete(key))
        }
        checkInvariants(session.tier)
        expect(new Map([...space.keys()].map((key) => [key, space.read(key)]))).toEqual(model)
      }),
    )
  })
})
