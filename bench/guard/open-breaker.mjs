import { createCacheManager } from 'tierwise'
import { memory } from 'tierwise/memory'
import { alternate, fullPace, quickPace } from '../lib/alternate.mjs'
import { speedRows } from '../lib/result.mjs'
import { runDirectly } from '../lib/run-directly.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('tierwise').Cache<number>} Cache */

const deadlineMs = 250
const mostMicroseconds = 1000
const keys = Array.from({ length: 1000 }, (_, id) => `steel-${id}`)

/** A tier that opens, and then never answers anything. @returns {import('tierwise').TierDefinition} */
function silentTier() {
  const silence = () => /** @type {Promise<never>} */ (new Promise(() => {}))
  return {
    name: 'silent',
    create: () => ({
      sync: false,
      capabilities: { shared: true, durable: true, versions: true, scan: false, bytes: false, tags: false },
      open: async () => ({ highestVersion: 0 }),
      close: async () => {},
      get: silence,
      set: silence,
      delete: silence,
      // eslint-disable-next-line require-yield
      scan: async function* () {
        await silence()
      },
      clear: silence,
      usage: silence,
    }),
  }
}

/** @param {Cache} cache */
async function misses(cache) {
  let missed = 0
  for (const key of keys) if ((await cache.get(key)) === undefined) missed++
  return missed
}

/** @param {Cache} cache */
async function writes(cache) {
  for (const key of keys) await cache.set(key, 1)
  let held = 0
  for (const key of keys) if (cache.peek(key) === 1) held++
  return held
}

/** Microseconds of each of `count` calls, sorted. @param {number} count @param {() => Promise<unknown>} call */
async function callTimes(count, call) {
  const times = new Float64Array(count)
  for (let at = 0; at < count; at++) {
    const started = performance.now()
    await call()
    times[at] = (performance.now() - started) * 1000
  }
  return times.sort()
}

/** @param {(cache: Cache) => Promise<number>} pass @param {{ title: string, work: string, quick: boolean }} scenario @returns {Promise<Result>} */
async function contest(pass, { title, work, quick }) {
  const alone = createCacheManager({ tiers: [memory()] })
  const broken = createCacheManager({
    tiers: [memory(), silentTier()],
    breaker: { openFor: '1h' },
    tierTimeout: deadlineMs,
  })
  const downCache = /** @type {Cache} */ (broken.namespace('factors'))
  // One call of each kind finds out; six minutes are left before the first probe.
  await downCache.get('absent')
  await downCache.set('other', 1)
  const contestants = [
    { name: 'memory and a silent tier', pass: () => pass(downCache) },
    { name: 'memory alone', pass: () => pass(/** @type {Cache} */ (alone.namespace('factors'))) },
  ]
  const speeds = await alternate(contestants, quick ? quickPace : fullPace)
  const times = await callTimes(quick ? 1000 : 100_000, () => downCache.get('absent'))
  await broken.stop()
  await alone.stop()
  const claims = [{ name: 'memory and a silent tier', against: 'memory alone' }]
  const late = times[Math.floor(times.length * 0.999)] ?? NaN
  return {
    title,
    work,
    rows: [
      ...speedRows(speeds, { operations: keys.length, claims }),
      {
        name: '99.9th percentile of a get',
        value: late,
        unit: 'µs',
        target: mostMicroseconds,
        atMost: true,
        pass: late <= mostMicroseconds,
      },
    ],
  }
}

/** What a thousand calls lose to a tier that falls silent. @param {{ quick: boolean }} options @returns {Promise<Result>} */
async function timeLost({ quick }) {
  const count = quick ? 100 : 10_000
  const manager = createCacheManager({ tiers: [memory(), silentTier()], tierTimeout: deadlineMs })
  const cache = manager.namespace('factors')
  const started = performance.now()
  for (let at = 0; at < count; at++) await cache.get(`absent-${at}`)
  const lostMs = performance.now() - started
  const deadlines = lostMs / deadlineMs
  await manager.stop()
  return {
    title: `Time lost to a tier that falls silent`,
    work: `${count.toLocaleString('en-US')} reads, one after the other, from the moment the tier stops to answer; its deadline is ${deadlineMs} ms.`,
    rows: [
      {
        name: 'all reads together',
        value: deadlines,
        unit: 'deadlines',
        target: 2,
        atMost: true,
        pass: deadlines <= 2,
      },
    ],
  }
}

/**
 * A call costs next to nothing while a breaker is open, and finding out costs one deadline.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  // The timers of a manager do not keep a process alive, and here is no socket that would.
  const alive = setInterval(() => {}, 1000)
  try {
    return await measureAll(quick)
  } finally {
    clearInterval(alive)
  }
}

/** @param {boolean} quick @returns {Promise<Result[]>} */
async function measureAll(quick) {
  return [
    await contest(misses, {
      title: 'Reads while a tier is left alone',
      work: 'Reads 1,000 keys that memory does not hold, each call awaited, with a breaker that is open.',
      quick,
    }),
    await contest(writes, {
      title: 'Writes while a tier is left alone',
      work: 'Sets 1,000 keys, each call awaited; the tier that is down owes a removal for each.',
      quick,
    }),
    await timeLost({ quick }),
  ]
}

await runDirectly(import.meta.url, run)
