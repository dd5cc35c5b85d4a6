import assert from 'node:assert/strict'

import type { Entry } from '../../contract/entry.ts'
import type { TagClock } from '../../contract/tags.ts'
import type { LocalSpace, LocalTier, SpaceOptions, TierDefinition } from '../../contract/tier.ts'
import { fakeRuntime, type FakeRuntime } from '../fake-runtime.ts'
import { checkTimers } from '../invariants.ts'

/** A local tier of a test, its fake time, and short ways to make entries; bound, so that a test can take it apart. */
export class LocalSession {
  readonly runtime: FakeRuntime = fakeRuntime()
  readonly tags: SampleTagClock = new SampleTagClock()
  readonly tier: LocalTier
  readonly space: LocalSpace
  #version = 0

  constructor(definition: TierDefinition) {
    const { clock, timers, random } = this.runtime
    const tier = definition.create({ name: definition.name, prefix: 'tw', report: () => {}, clock, timers, random })
    assert.ok(tier.sync, 'localTierConformance is for local tiers; a byte tier takes tierConformance')
    this.tier = tier
    this.space = this.open('users')
  }

  close(): void {
    this.tier.close()
    checkTimers(this.runtime)
  }

  readonly open = (namespace: string, options: Partial<SpaceOptions> = {}): LocalSpace =>
    this.tier.space({ namespace, tagClock: this.tags, ...options })

  readonly entry = (value: unknown, fields: Partial<Entry> = {}): Entry => {
    return {
      value,
      version: ++this.#version,
      createdAt: this.runtime.clock.now(),
      freshUntil: Infinity,
      usableUntil: Infinity,
      tags: [],
      tagClock: this.tags.now,
      loadMs: 0,
      sizeBytes: 0,
      ...fields,
    }
  }

  /** Stores a value that is reviewed when it stops being fresh. */
  readonly put = (key: string, value: unknown, fields: Partial<Entry> = {}): boolean => {
    const entry = this.entry(value, fields)
    return this.space.set(key, entry, entry.freshUntil)
  }
}

class SampleTagClock implements TagClock {
  now = 0
  readonly #marks = new Map<string, number>()

  invalidate(tag: string): void {
    this.#marks.set(tag, ++this.now)
  }

  isCurrent(tags: readonly string[], recorded: number): boolean {
    return tags.every((tag) => (this.#marks.get(tag) ?? 0) <= recorded)
  }
}
