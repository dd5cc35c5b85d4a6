import assert from 'node:assert/strict'

import type { Tier, TierRecord } from '../../contract/tier.ts'
import type { TierSuite } from './suite.ts'
import { assertAccepted } from './tier-session.ts'

const megabyte = 2 ** 20

export function valueTests(suite: TierSuite): void {
  byteTests(suite)
  decodeTests(suite)
}

function byteTests({ test }: TierSuite): void {
  test('keeps every byte value', async (session) => {
    const bytes = Uint8Array.from({ length: 512 }, (_, index) => index)
    await store(session.tier, [rawRecord('tw:a', bytes, session.nextVersion())])
    assert.deepEqual(await copyOf(session.tier, 'tw:a'), bytes)
  })

  test('holds records of a megabyte, one and several at a time', async (session) => {
    const keys = ['tw:a', 'tw:b', 'tw:c']
    const records = keys.map((key, seed) => rawRecord(key, noise(megabyte + seed, seed), session.nextVersion()))
    await store(session.tier, records.slice(0, 1))
    await store(session.tier, records.slice(1))
    const sums = await session.tier.get(keys, (bytes) => `${bytes.byteLength}:${sumOf(bytes)}`)
    assert.deepEqual(
      sums,
      records.map(({ bytes }) => `${bytes.byteLength}:${sumOf(bytes)}`),
    )
  })

  test('keeps nothing of the buffer it was given', async (session) => {
    const bytes = noise(1000, 1)
    const original = bytes.slice()
    await store(session.tier, [rawRecord('tw:a', bytes, session.nextVersion())])
    bytes.fill(0)
    assert.deepEqual(await copyOf(session.tier, 'tw:a'), original)
  })

  test('stores a view without the buffer around it', async (session) => {
    const around = noise(4096, 2)
    const view = around.subarray(100, 200)
    await store(session.tier, [rawRecord('tw:a', view, session.nextVersion())])
    assert.deepEqual(await copyOf(session.tier, 'tw:a'), noise(4096, 2).slice(100, 200))
  })

  test('gives bytes as a Uint8Array that holds exactly the record', async (session) => {
    await store(session.tier, [rawRecord('tw:a', noise(100, 3), session.nextVersion())])
    const [seen] = await session.tier.get(['tw:a'], (bytes) => ({
      is: bytes instanceof Uint8Array,
      length: bytes.length,
    }))
    assert.deepEqual(seen, { is: true, length: 100 })
  })
}

function decodeTests({ test }: TierSuite): void {
  test('returns what decode returns, falsy values included', async (session) => {
    const keys = ['tw:null', 'tw:zero', 'tw:empty', 'tw:false', 'tw:nan', 'tw:object']
    await session.putAll(keys)
    const decoded = [null, 0, '', false, Number.NaN, { some: 'object' }]
    const results = await session.tier.get<unknown>(keys, (_, index) => decoded[index])
    for (const [index, value] of decoded.entries())
      assert.ok(Object.is(results[index], value), `${keys[index]} returns`)
  })

  test('counts a record that decode returns undefined for as absent, and only that one', async (session) => {
    const keys = ['tw:a', 'tw:b', 'tw:c']
    await session.putAll(keys)
    const results = await session.tier.get(keys, (_, index) => (index === 1 ? undefined : index))
    assert.deepEqual(results, [0, undefined, 2])
    assert.equal(await session.read('tw:b'), 'text of tw:b', 'the record is still there')
  })

  test('decodes what it holds and nothing else', async (session) => {
    await session.putAll(['tw:b', 'tw:d'])
    const decoded: number[] = []
    await session.tier.get(['tw:a', 'tw:b', 'tw:c', 'tw:d'], (_, index) => decoded.push(index))
    assert.deepEqual(new Set(decoded), new Set([1, 3]))
    assert.equal(decoded.length, 2)
  })
}

function rawRecord(key: string, bytes: Uint8Array, version: number): TierRecord {
  return { key, bytes, version, expiresAt: Infinity }
}

async function store(tier: Tier, records: readonly TierRecord[]): Promise<void> {
  for (const outcome of await tier.set(records)) assertAccepted(outcome)
}

async function copyOf(tier: Tier, key: string): Promise<Uint8Array | undefined> {
  // A plain Uint8Array, so that a Buffer and a Uint8Array of the same bytes compare as equal.
  const [copy] = await tier.get([key], (bytes) => Uint8Array.from(bytes))
  return copy
}

/** Bytes that do not compress and differ by seed. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed + 1
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[index] = state >>> 24
  }
  return bytes
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0
  for (let index = 0; index < bytes.length; index++) sum = (Math.imul(sum, 31) + (bytes[index] as number)) | 0
  return sum
}
