import type { EvictReason } from '../contract/events.ts'
import type { Emitter } from './emitter.ts'

type Evictions = Record<EvictReason, number>

/** Sums of what tiers tell about themselves, by tier: fed by the events that they send anyway. */
export class TierTally {
  readonly #evictions = new Map<string, Evictions>()
  readonly #badRecords = new Map<string, number>()

  constructor(emitter: Emitter) {
    emitter.on('evict', ({ tier, reason, count }) => {
      this.#evictionsOf(tier)[reason] += count
    })
    emitter.on('bad-record', ({ tier }) => {
      this.#badRecords.set(tier, this.badRecords(tier) + 1)
    })
  }

  evictions(tier: string): Readonly<Evictions> {
    return { ...(this.#evictions.get(tier) ?? noEvictions()) }
  }

  badRecords(tier: string): number {
    return this.#badRecords.get(tier) ?? 0
  }

  #evictionsOf(tier: string): Evictions {
    const held = this.#evictions.get(tier) ?? noEvictions()
    this.#evictions.set(tier, held)
    return held
  }
}

function noEvictions(): Evictions {
  return { capacity: 0, quota: 0, expired: 0, 'too-large': 0 }
}
