import type { Entry } from '../../../src/contract/entry.ts'
import type { TierEvent } from '../../../src/contract/events.ts'
import type { LocalSpace, LocalTier, SpaceOptions } from '../../../src/contract/tier.ts'
import type { TagClock } from '../../../src/contract/tags.ts'
import { fakeRuntime, type FakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { memory, type MemoryOptions } from '../../../src/tiers/memory/index.ts'

/** A tag clock that tests drive, and that counts how often it was asked. */
export class ManualTagClock implements TagClock {
  now = 0
  asked = 0
  readonly #marks = new Map<string, number>()

  isCurrent(tags: readonly string[], recorded: number): boolean {
    this.asked++
    return tags.every((tag) => (this.#marks.get(tag) ?? 0) <= recorded)
  }

  invalidate(tag: string): void {
    this.#marks.set(tag, ++this.now)
  }
}

export interface MemorySession {
  readonly runtime: FakeRuntime
  readonly tags: ManualTagClock
  readonly tier: LocalTier
  readonly events: TierEvent[]
  open(options?: Partial<SpaceOptions>): LocalSpace
  entry(value: unknown, fields?: Partial<Entry>): Entry
}

/** A memory tier on fake time. */
export function openMemory(options: MemoryOptions = {}, seed = 1): MemorySession {
  const runtime = fakeRuntime({ seed })
  const tags = new ManualTagClock()
  const events: TierEvent[] = []
  const tier = memory(options).create({
    name: 'memory',
    prefix: 'tw',
    report: (event) => void events.push(event),
    clock: runtime.clock,
    timers: runtime.timers,
    random: runtime.random,
  })
  if (!tier.sync) throw new TypeError('The memory tier is a local tier')
  return {
    runtime,
    tags,
    tier,
    events,
    open: (fields = {}) => tier.space({ namespace: 'users', tagClock: tags, ...fields }),
    entry: (value, fields = {}) => ({
      value,
      version: runtime.clock.now() * 1000,
      createdAt: runtime.clock.now(),
      freshUntil: Infinity,
      usableUntil: Infinity,
      tags: [],
      tagClock: tags.now,
      loadMs: 0,
      sizeBytes: 0,
      ...fields,
    }),
  }
}
