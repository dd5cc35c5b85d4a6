import { cloneValue } from '../base/clone.ts'
import type { Isolation } from '../contract/options.ts'

/**
 * Freezes a value and everything inside it that can be frozen; typed arrays and the contents of Map and Set cannot. What
 * is frozen already is gone through as well: its owner may have frozen the outermost object only.
 */
function deepFreeze(value: unknown, seen: Set<object> = new Set()): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return value
  seen.add(value)
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner, seen)
  return value
}

/** What is done to a value on its way into memory, so that the caller's own object cannot change the entry later. */
export function isolateIn(value: unknown, isolation: Isolation): unknown {
  if (isolation === 'share') return value
  return isolation === 'freeze' ? deepFreeze(value) : cloneValue(value)
}

/** What is done to a value on its way out. */
export function isolateOut(value: unknown, isolation: Isolation): unknown {
  return isolation === 'clone' ? cloneValue(value) : value
}
