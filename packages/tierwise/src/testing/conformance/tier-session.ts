import assert from 'node:assert/strict'
import { setImmediate as macrotask } from 'node:timers/promises'

import { systemRuntime } from '../../base/runtime.ts'
import type { Runtime } from '../../contract/runtime.ts'
import type { TagStore } from '../../contract/tags.ts'
import type { NoteStore, Tier, TierDefinition, TierOpening, TierRecord, WriteOutcome } from '../../contract/tier.ts'
import { fakeRuntime, type FakeRuntime } from '../fake-runtime.ts'
import { checkTimers } from '../invariants.ts'
import type { TierConformanceOptions } from './suite.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A record of a test: its bytes tell the key and a text, so that a misplaced record is noticed. */
export interface SampleFields {
  readonly text?: string
  readonly expiresAt?: number
  readonly version?: number
  readonly ifNotAfter?: number
}

/** One open tier of a test, its time, and short ways to write and read samples. */
export class TierSession {
  readonly definition: TierDefinition
  readonly runtime: Runtime
  tier: Tier
  #version = 0
  readonly #fake: FakeRuntime | undefined
  readonly #options: TierConformanceOptions
  readonly #created: Tier[] = []

  constructor(options: TierConformanceOptions) {
    this.#options = options
    this.#fake = options.clock === 'system' ? undefined : fakeRuntime()
    this.runtime = this.#fake ?? systemRuntime()
    this.definition = options.definition()
    this.tier = this.create(this.definition)
  }

  /** Another instance on a definition; closed at the end of the test. */
  create(definition: TierDefinition): Tier {
    const { clock, timers, random } = this.runtime
    const tier = definition.create({ name: definition.name, prefix: 'tw', report: () => {}, clock, timers, random })
    assert.ok(!tier.sync, 'tierConformance is for byte tiers; a local tier takes localTierConformance')
    this.#created.push(tier)
    return tier
  }

  /** The same store in a second instance, which becomes `tier`; the first stays open. */
  async openAgain(): Promise<TierOpening> {
    this.tier = this.create(this.#options.reopen?.(this.definition) ?? this.definition)
    return this.tier.open()
  }

  async closeAll(): Promise<void> {
    for (const tier of this.#created) await tier.close()
    if (this.#fake) checkTimers(this.#fake)
  }

  get tags(): TagStore {
    assert.ok(this.tier.tags, 'a tier that declares tags offers them')
    return this.tier.tags
  }

  get notes(): NoteStore {
    assert.ok(this.tier.notes, 'a tier that declares notes offers them')
    return this.tier.notes
  }

  get now(): number {
    return this.runtime.clock.now()
  }

  async pass(ms: number): Promise<void> {
    if (this.#fake) return this.#fake.advance(ms)
    const until = this.now + ms
    // The timers of the runtime do not keep the process alive, so the wait itself has to.
    while (this.now < until) await macrotask()
  }

  nextVersion(): number {
    return ++this.#version
  }

  record(key: string, fields: SampleFields = {}): TierRecord {
    const { text = 'sample', version = this.nextVersion(), expiresAt = Infinity, ifNotAfter } = fields
    const bytes = encoder.encode(JSON.stringify([key, text]))
    return { key, bytes, expiresAt, version, ...(ifNotAfter === undefined ? {} : { ifNotAfter }) }
  }

  async put(key: string, fields?: SampleFields): Promise<WriteOutcome> {
    const outcomes = await this.tier.set([this.record(key, fields)])
    assert.equal(outcomes.length, 1, 'one outcome a record')
    return outcomes[0] as WriteOutcome
  }

  async putAll(keys: readonly string[], fields?: SampleFields): Promise<void> {
    const outcomes = await this.tier.set(keys.map((key) => this.record(key, { text: `text of ${key}`, ...fields })))
    assert.equal(outcomes.length, keys.length, 'one outcome a record')
    for (const outcome of outcomes) assertAccepted(outcome)
  }

  async read(key: string): Promise<string | undefined> {
    return (await this.readAll([key]))[0]
  }

  async readAll(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    const texts = await this.tier.get(keys, (bytes, index) => {
      const [key, text] = parse(bytes)
      assert.equal(key, keys[index], 'decode is given the bytes of the key at its index')
      return text
    })
    assert.equal(texts.length, keys.length, 'one result a key')
    return texts
  }

  /** The keys a scan visits, in its order. */
  async scanKeys(prefix: string): Promise<string[]> {
    const keys: string[] = []
    for await (const key of this.tier.scan(prefix, (bytes) => parse(bytes)[0])) keys.push(key)
    return keys
  }

  async delete(keys: readonly string[], version: number = this.nextVersion()): Promise<readonly boolean[]> {
    const held = await this.tier.delete(keys, version)
    assert.equal(held.length, keys.length, 'one answer a key')
    return held
  }

  async clear(prefix: string, version: number = this.nextVersion()): Promise<void> {
    await this.tier.clear(prefix, version)
  }
}

/** The key and the text of a sample. */
export function parse(bytes: Uint8Array): readonly [string, string] {
  return JSON.parse(decoder.decode(bytes)) as [string, string]
}

/** A write that the tier has taken, in the store or on its way there. */
export function assertAccepted(outcome: WriteOutcome | undefined): void {
  assert.ok(outcome === 'applied' || outcome === 'pending', `the write is accepted, not ${outcome}`)
}

/** A write that lost against something newer; a tier that writes later may only know then. */
export function assertOutdated(outcome: WriteOutcome | undefined): void {
  assert.ok(outcome === 'superseded' || outcome === 'pending', `the write is superseded, not ${outcome}`)
}

/** `count` distinct keys under a prefix. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}

/** Same members, each as often, in any order. */
export function assertSameMembers(actual: readonly string[], expected: readonly string[], message?: string): void {
  assert.deepEqual([...actual].sort(), [...expected].sort(), message)
}
