import type { HitEvent } from '../contract/events.ts'
import type { Landing } from './flight.ts'
import type { Namespace } from './namespace.ts'

/** Counts a hit that memory answered outside its plain path. */
export function recordMemoryHit(ns: Namespace, key: string): void {
  ns.stats.memoryHits++
  ns.samples?.read(key, true)
  emitHit(ns, { key, tier: ns.local?.name ?? '', stale: false })
}

/** Counts a fresh hit below memory. */
export function recordTierHit(ns: Namespace, key: string, tier: string): void {
  ns.stats.hit(tier)
  ns.samples?.read(key, true)
  emitHit(ns, { key, tier, stale: false })
}

export function recordMiss(ns: Namespace, key: string): void {
  ns.stats.misses++
  ns.samples?.read(key, false)
  const { emitter } = ns.engine
  if (emitter.listens('miss')) emitter.emit({ type: 'miss', namespace: ns.name, key })
}

/** Counts what one caller of a load got: a hit below memory, a stale value, or a miss that was loaded by itself or by another. */
export function recordLanding(
  ns: Namespace,
  key: string,
  boarded: { readonly landing: Landing; readonly joined: boolean },
): void {
  const { landing, joined } = boarded
  if (landing.stale) {
    ns.stats.staleHits++
    ns.samples?.read(key, true)
    if (landing.tier === ns.local?.name) ns.stats.staleMemoryHits++
    emitHit(ns, { key, tier: landing.tier ?? '', stale: true })
  } else if (landing.tier !== undefined) recordTierHit(ns, key, landing.tier)
  else {
    recordMiss(ns, key)
    if (joined) ns.stats.loadsSaved++
  }
}

export function emitHit(ns: Namespace, hit: Pick<HitEvent, 'key' | 'tier' | 'stale'>): void {
  const { emitter } = ns.engine
  if (emitter.listens('hit')) emitter.emit({ type: 'hit', namespace: ns.name, ...hit })
}
