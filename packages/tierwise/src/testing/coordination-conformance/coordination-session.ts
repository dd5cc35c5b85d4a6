import assert from 'node:assert/strict'

import type { CoordinationStore, Tenure } from '../../contract/coordination.ts'
import { TierError } from '../../errors.ts'
import { seededRandom, type SeededRandom } from '../seeded-random.ts'
import { until } from '../servers/until.ts'
import type { CoordinationConformanceOptions, CoordinationWorld } from './world.ts'

/** A life whose end a test waits for, without having to do anything before. */
export const shortMs = 60
/** A life that no test sees the end of. */
export const longMs = 600_000
const marginMs = 30
/** A busy machine and its servers take some steps in this time. */
const stepsMs = 400

/** One empty state of a test, several views of it, and its time. */
export class CoordinationSession {
  readonly store: CoordinationStore
  /** Another view of the same state. */
  readonly other: CoordinationStore
  readonly handles: readonly CoordinationStore[]
  readonly random: SeededRandom
  readonly #world: CoordinationWorld
  readonly #withinMs: number

  constructor(world: CoordinationWorld, { withinMs = 5000, seed }: CoordinationConformanceOptions) {
    const [store, other] = world.handles
    assert.ok(store !== undefined && other !== undefined, 'a world has at least two handles')
    this.store = store
    this.other = other
    this.handles = world.handles
    this.random = seededRandom(seed ?? Math.trunc(performance.timeOrigin + performance.now()))
    this.#world = world
    this.#withinMs = withinMs
  }

  /** Whether the clock of the store stands still unless it is moved. */
  get hasOwnClock(): boolean {
    return this.#world.advance !== undefined
  }

  /** A life whose end a test waits for, and in which it takes some steps before. */
  get livelyMs(): number {
    return this.hasOwnClock ? shortMs : stepsMs
  }

  /** So long passes, or on real time a little more. */
  async pass(ms: number): Promise<void> {
    if (this.#world.advance !== undefined) return this.#world.advance(ms)
    const end = performance.now() + ms + marginMs
    await until(() => performance.now() >= end, { what: 'the passing of time', timeoutMs: ms + 60_000 })
  }

  async until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
    await until(look, { what, timeoutMs: this.#withinMs })
  }

  /** The same step so many times at once, from all handles in turn. */
  async race<T>(times: number, step: (store: CoordinationStore, index: number) => Promise<T>): Promise<T[]> {
    const { handles } = this
    return Promise.all(
      Array.from({ length: times }, (_, index) => step(handles[index % handles.length] as CoordinationStore, index)),
    )
  }
}

/** What is left of a life that has just begun. */
export function assertJustBegun(leftMs: number | undefined, lifeMs: number): void {
  assert.ok(leftMs !== undefined && leftMs <= lifeMs, `${leftMs} ms are left of ${lifeMs}, which is not more`)
  assert.ok(leftMs > lifeMs / 2, `${leftMs} ms are left of ${lifeMs}, which have just begun`)
}

/** A refusal that trying again does not change. */
export async function assertRefused(step: Promise<unknown>, operation: string, isRead = false): Promise<void> {
  await assert.rejects(step, (error) => {
    assert.ok(error instanceof TierError, `${operation} rejects with a TierError, not ${String(error)}`)
    const codes = isRead ? ['ERR_CACHE_TIER_READ', 'ERR_CACHE_TIER_WRITE'] : ['ERR_CACHE_TIER_WRITE']
    assert.ok(codes.includes(error.code), `${operation} rejects with ${codes.join(' or ')}, not ${error.code}`)
    assert.equal(error.operation, operation)
    assert.equal(error.retryable, false, `${operation} is refused for good`)
    return true
  })
}

/** The fence of a tenure that was granted. */
export function fenceOf(tenure: Tenure): number {
  assert.equal(tenure.kind, 'granted')
  assert.ok(Number.isSafeInteger(tenure.fence), `${tenure.fence} is a whole number`)
  return tenure.fence
}

/** Who stands before somebody who was not granted. */
export function aheadOf(tenure: Tenure): number {
  assert.equal(tenure.kind, 'busy')
  return tenure.ahead
}

/** Same texts, each as often, in any order. */
export function assertSameTexts(actual: readonly string[], expected: readonly string[], message?: string): void {
  assert.deepEqual([...actual].sort(), [...expected].sort(), message)
}

/** For messages: a text, unless it is long. */
export function shown(text: string): string {
  return text.length <= 40 ? JSON.stringify(text) : `a text of ${text.length} characters`
}
