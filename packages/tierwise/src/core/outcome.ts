import type { Landing } from './flight.ts'
import type { Namespace } from './namespace.ts'

/** Counts a hit that memory answered outside its plain path. */
export function recordMemoryHit(ns: Namespace, key: string): void {
  ns.stats.memoryHits++
  emitHit(ns, key, ns.local?.name ?? '', false)
}

/** Counts a fresh hit below memory. */
export function recordTierHit(ns: Namespace, key: string, tier: string): void {
  ns.stats.hit(tier)
  emitHit(ns, key, tier, false)
}

export function recordMiss(ns: Namespace, key: string): void {
  ns.stats.misses++
  const { emitter } = ns.engine
  if (emitter.listens('miss')) emitter.emit({ type: 'miss', namespace: ns.name, key })
}

/** Counts what one caller of a load got: a hit below memory, a stale value, or a miss that was loaded by itself or by another. */
export function recordLanding(ns: Namespace, key: string, landing: Landing, joined: boolean): void {
  if (landing.stale) {
    ns.stats.staleHits++
    emitHit(ns, key, landing.tier ?? '', true)
  } else if (landing.tier !== undefined) recordTierHit(ns, key, landing.tier)
  else {
    recordMiss(ns, key)
    if (joined) ns.stats.loadsSaved++
  }
}

export function emitHit(ns: Namespace, key: string, tier: string, stale: boolean): void {
  const { emitter } = ns.engine
  if (emitter.listens('hit')) emitter.emit({ type: 'hit', namespace: ns.name, key, tier, stale })
}
