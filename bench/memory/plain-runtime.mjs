import { memory } from 'tierwise/memory'
import { systemRuntime } from 'tierwise/testing'

/** @typedef {import('tierwise/memory').MemoryOptions} MemoryOptions */

/** The tag clock of a process without tag invalidations. */
const restingTags = { now: 0, isCurrent: () => true }

/**
 * One space of a memory tier, driven as the engine drives it but without the engine. Random numbers are fixed, so a
 * replay gives the same figures each time.
 *
 * @param {MemoryOptions} options
 */
export function openSpace(options) {
  const { clock, timers } = systemRuntime()
  const tier = memory(options).create({ name: 'memory', report: () => {}, clock, timers, random: () => 0.5 })
  if (!tier.sync) throw new TypeError('The memory tier answers in the same call')
  return { tier, clock, space: tier.space({ namespace: 'bench', tagClock: restingTags }) }
}

/**
 * An entry as the engine makes it for a value that was set by hand.
 *
 * @param {unknown} value @param {{ now: number, ttlMs?: number, sizeBytes?: number }} life
 */
export function entryOf(value, { now, ttlMs = Infinity, sizeBytes = 0 }) {
  return {
    value,
    version: Math.floor(now * 1000),
    createdAt: now,
    freshUntil: now + ttlMs,
    usableUntil: now + ttlMs,
    tags: [],
    tagClock: 0,
    loadMs: 0,
    sizeBytes,
  }
}
