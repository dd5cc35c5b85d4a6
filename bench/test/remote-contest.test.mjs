import { describe, expect, test } from 'vitest'
import { Disagreement } from '../lib/alternate.mjs'
import { percentile } from '../lib/call-times.mjs'
import { generationOf, shuffledKeys, valueOf } from '../lib/payload.mjs'
import { contest } from '../lib/remote-contest.mjs'
import { fill } from '../lib/remote-store.mjs'

/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */

const keys = shuffledKeys(200)
const reads = /** @type {const} */ ({ title: 'reads', work: '', verb: 'get', inFlight: 64, claims: [] })

describe('a contest of remote stores', () => {
  test('runs everybody who offers the call, and batches beside single reads', async () => {
    const stores = [await filled('one'), only(await filled('batches'), 'getMany'), only(await filled('writer'), 'set')]
    const { rows } = await contest(reads, { stores, keys, quick: true })
    expect(rows.map(({ name, unit }) => [name, unit])).toEqual([
      ['one', 'Kops/s'],
      ['batches', 'Kops/s'],
    ])
    expect(rows[0]?.note).toMatch(/^p50 .* ms, p99 .* ms a call; .* µs of processor time a key$/)
  })

  test('has no batches beside reads that are awaited one at a time', async () => {
    const stores = [await filled('one'), only(await filled('batches'), 'getMany')]
    const { rows } = await contest({ ...reads, inFlight: 1 }, { stores, keys, quick: true })
    expect(rows.map(({ name }) => name)).toEqual(['one'])
  })

  test('holds single reads against batches, and leaves out claims about those who do not take part', async () => {
    const stores = [await filled('one'), only(await filled('batches'), 'getMany')]
    const claims = ['batches', 'absent'].map((against) => ({ name: 'one', against, atLeast: 0 }))
    const { rows } = await contest({ ...reads, claims }, { stores, keys, quick: true })
    expect(rows.map(({ against, pass }) => [against, pass])).toEqual([
      [undefined, undefined],
      ['batches', true],
      [undefined, undefined],
    ])
  })

  test('makes passes of as many keys as the scenario says', async () => {
    const store = await filled('one')
    const asked = new Set()
    const get = (/** @type {string} */ key) => store.get(asked.add(key) && key)
    await contest({ ...reads, passKeys: 7 }, { stores: [{ ...store, get }], keys, quick: true })
    expect([...asked]).toEqual(keys.slice(0, 7))
  })

  test('gives no figures when a store answers with the value of another key', async () => {
    const astray = await filled('astray')
    const store = { ...astray, get: () => Promise.resolve(valueOf('another', 1)) }
    await expect(contest(reads, { stores: [store], keys, quick: true })).rejects.toThrow(Disagreement)
  })

  test('gives no figures when a store loses writes', async () => {
    const forgetful = { ...(await filled('forgetful')), set: () => Promise.resolve() }
    const writes = /** @type {const} */ ({ ...reads, verb: 'set' })
    await expect(contest(writes, { stores: [await filled('one'), forgetful], keys, quick: true })).rejects.toThrow(
      Disagreement,
    )
  })

  test('writes in batches and reads them back', async () => {
    const writes = /** @type {const} */ ({ ...reads, verb: 'setMany' })
    const { rows } = await contest(writes, { stores: [await filled('one')], keys, quick: true })
    expect(rows).toHaveLength(1)
  })
})

describe('percentile', () => {
  test('is the smallest time that the share of calls did not exceed', () => {
    const times = Array.from({ length: 100 }, (_, at) => 100 - at)
    expect([0.5, 0.95, 0.99, 1].map((share) => percentile(times, share))).toEqual([50, 95, 99, 100])
    expect(percentile([7], 0.5)).toBe(7)
  })
})

describe('shuffledKeys', () => {
  test('gives every key once, in the same order each time and not in that of their numbers', () => {
    const again = shuffledKeys(200)
    expect(again).toEqual(keys)
    expect(new Set(again).size).toBe(200)
    expect(again.slice(0, 20)).not.toEqual(Array.from({ length: 20 }, (_, id) => `steel-${id}`))
  })
})

/** A store in a Map that answers later. @param {string} name @returns {Promise<Required<RemoteStore>>} */
async function filled(name) {
  const held = new Map()
  const store = {
    name,
    get: async (/** @type {string} */ key) => held.get(key),
    getMany: async (/** @type {readonly string[]} */ asked) => asked.map((key) => held.get(key)),
    set: async (/** @type {string} */ key, /** @type {number} */ generation) => held.set(key, valueOf(key, generation)),
    setMany: async (/** @type {readonly string[]} */ asked, /** @type {number} */ generation) => {
      for (const key of asked) held.set(key, valueOf(key, generation))
    },
    generationOf,
    close: () => {},
  }
  await fill(store, keys)
  return store
}

/** @param {Required<RemoteStore>} store @param {'getMany' | 'set'} verb @returns {RemoteStore} */
function only({ name, generationOf: read, close, ...verbs }, verb) {
  return { name, generationOf: read, close, [verb]: verbs[verb] }
}
