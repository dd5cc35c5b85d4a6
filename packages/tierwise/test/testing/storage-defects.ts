import type { Tier, TierRecord } from '../../src/contract/tier.ts'
import { setAll, type TierDefect } from './tier-defect.ts'

/** Records that are kept, found or ended wrongly. */
export const storageDefects: readonly TierDefect[] = [
  [
    'answers a batch in sorted order',
    'batches',
    (tier) => ({ get: (keys, decode) => tier.get(keys.toSorted(), decode) }),
  ],
  [
    'answers a repeated key once',
    'batches',
    (tier) => ({ get: (keys, decode) => tier.get([...new Set(keys)], decode) }),
  ],
  [
    'leaves out what is absent',
    'batches',
    (tier) => ({
      get: async (keys, decode) => (await tier.get(keys, decode)).filter((result) => result !== undefined),
    }),
  ],
  [
    'gives decode a running number',
    'batches',
    (tier) => ({
      get: (keys, decode) => {
        let index = 0
        return tier.get(keys, (bytes) => decode(bytes, index++))
      },
    }),
  ],
  [
    'fails on an empty batch',
    'batches',
    (tier) => ({
      get: async (keys, decode) => {
        if (keys.length === 0) throw new Error('ERR wrong number of arguments')
        return tier.get(keys, decode)
      },
    }),
  ],
  [
    'keeps the first of two records for a key',
    'batches',
    (tier) => ({ set: (records) => setDeduplicated(tier, records) }),
  ],
  ['keeps the buffer it is given', 'values', keepBuffers],
  [
    'stores the buffer around a view',
    'values',
    (tier) => ({
      set: (records) =>
        tier.set(records.map((record) => ({ ...record, bytes: new Uint8Array(record.bytes.buffer as ArrayBuffer) }))),
    }),
  ],
  [
    'cuts large records',
    'values',
    (tier) => ({
      set: (records) => tier.set(records.map((record) => ({ ...record, bytes: record.bytes.subarray(0, 2 ** 19) }))),
    }),
  ],
  [
    'stores text',
    'values',
    (tier) => ({
      set: (records) =>
        tier.set(records.map((record) => ({ ...record, bytes: Buffer.from(Buffer.from(record.bytes).toString()) }))),
    }),
  ],
  [
    'takes a falsy result as absent',
    'values',
    (tier) => ({
      get: async (keys, decode) => (await tier.get(keys, decode)).map((result) => result || undefined),
    }),
  ],
  [
    'deletes what decode cannot use',
    'values',
    (tier) => ({
      get: async (keys, decode) => {
        const results = await tier.get(keys, decode)
        await tier.delete(
          keys.filter((_, index) => results[index] === undefined),
          0,
        )
        return results
      },
    }),
    { capabilities: { versions: false } },
  ],
  [
    'ignores the expiry',
    'expiry',
    (tier) => ({ set: (records) => setAll(tier, records, { expiresAt: () => Infinity }) }),
  ],
  [
    'rounds the expiry to seconds',
    'expiry',
    (tier) => ({
      set: (records) =>
        setAll(tier, records, { expiresAt: ({ expiresAt }) => Math.ceil((expiresAt + 1) / 1000) * 1000 }),
    }),
  ],
  [
    'expires a millisecond late',
    'expiry',
    (tier) => ({ set: (records) => setAll(tier, records, { expiresAt: ({ expiresAt }) => expiresAt + 1 }) }),
  ],
  [
    'keeps the life in 31 bits',
    'expiry',
    (tier, { clock }) => ({
      set: (records) =>
        setAll(tier, records, {
          expiresAt: ({ expiresAt }) =>
            expiresAt === Infinity ? Infinity : clock.now() + ((expiresAt - clock.now()) | 0),
        }),
    }),
  ],
  [
    'does not write what has expired',
    'expiry',
    (tier, { clock }) => ({
      set: async (records) => {
        await tier.set(records.filter((record) => record.expiresAt > clock.now()))
        return records.map(() => 'applied' as const)
      },
    }),
  ],
  [
    'lets a record without end expire at once',
    'expiry',
    (tier) => ({
      set: (records) =>
        setAll(tier, records, { expiresAt: ({ expiresAt }) => (Number.isFinite(expiresAt) ? expiresAt : 0) }),
    }),
  ],
  [
    'refuses instants between milliseconds',
    'expiry',
    (tier) => ({
      set: async (records) => {
        if (records.some(({ expiresAt }) => expiresAt % 1 > 0)) throw new Error('ERR value is not an integer')
        return tier.set(records)
      },
    }),
  ],
  ['trims keys', 'keys', (tier) => mapKeys(tier, (key) => key.trim())],
  ['folds the case of keys', 'keys', (tier) => mapKeys(tier, (key) => key.toLowerCase())],
  ['normalizes keys', 'keys', (tier) => mapKeys(tier, (key) => key.normalize())],
  ['cuts keys', 'keys', (tier) => mapKeys(tier, (key) => key.slice(0, 1000))],
  ['ends keys at NUL', 'keys', (tier) => mapKeys(tier, (key) => key.split('\0')[0] as string)],
  ['drops an empty key part', 'keys', (tier) => mapKeys(tier, (key) => key.replace('::', ':'))],
  [
    'looks keys up in a plain object',
    'keys',
    (tier) => ({
      get: async (keys, decode) => {
        const results = await tier.get(keys, decode)
        return results.map((result, index) => result ?? ({} as Record<string, undefined>)[keys[index] as string])
      },
    }),
  ],
  [
    'says that everything was held',
    'basic operations',
    (tier) => ({
      delete: async (keys, version) => (await tier.delete(keys, version)).map(() => true),
    }),
  ],
  [
    'counts no entries',
    'basic operations',
    (tier) => ({ usage: async () => ({ ...(await tier.usage()), entries: 0 }) }),
  ],
  [
    'tells no bytes',
    'basic operations',
    (tier) => ({ usage: async () => ({ ...(await tier.usage()), bytes: undefined }) }),
  ],
]

async function setDeduplicated(tier: Tier, records: readonly TierRecord[]): ReturnType<Tier['set']> {
  const firsts = records.filter(({ key }, index) => records.findIndex((other) => other.key === key) === index)
  await tier.set(firsts)
  return records.map(() => 'applied' as const)
}

function keepBuffers(tier: Tier): Partial<Tier> {
  const buffers = new Map<string, Uint8Array>()
  return {
    set: (records) => {
      for (const { key, bytes } of records) buffers.set(key, bytes)
      return tier.set(records)
    },
    get: (keys, decode) =>
      tier.get(keys, (_, index) => decode(buffers.get(keys[index] as string) as Uint8Array, index)),
  }
}

function mapKeys(tier: Tier, change: (key: string) => string): Partial<Tier> {
  return {
    get: (keys, decode) => tier.get(keys.map(change), decode),
    set: (records) => tier.set(records.map((record) => ({ ...record, key: change(record.key) }))),
    delete: (keys, version) => tier.delete(keys.map(change), version),
  }
}
