import type { LocalSpace } from '../../contract/tier.ts'

/**
 * Ends the freshness of an entry that is not proved any more. What has a grace stays as a stale value: it may stand in for
 * a source that fails, as it might after its ttl.
 */
export function loseEntry(space: LocalSpace, key: string, now: number): void {
  const held = space.find(key)
  if (held === undefined) return
  if (held.usableUntil <= Math.max(held.freshUntil, now)) space.delete(key)
  else if (held.freshUntil > now) space.set(key, { ...held, freshUntil: now }, now)
}
