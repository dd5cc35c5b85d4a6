import type { Decode, Tier } from '../../src/contract/tier.ts'
import { setAll, type TierDefect } from './tier-defect.ts'

/** Versions, scans, tags and lives of tiers that are wrong. */
export const protocolDefects: readonly TierDefect[] = [
  [
    'lets a late write bring back what was deleted',
    'versions',
    (tier) => ({
      set: (records) => setAll(tier, records, { version: ({ version }) => version + 10 }),
    }),
  ],
  [
    'forgets deletions of keys it does not hold',
    'versions',
    (tier) => ({
      delete: async (keys, version) => {
        const results: boolean[] = []
        for (const key of keys) {
          const [held] = await tier.get([key], () => true)
          results.push(held ? ((await tier.delete([key], version))[0] ?? false) : false)
        }
        return results
      },
    }),
  ],
  [
    'ignores ifNotAfter',
    'versions',
    (tier) => ({ set: (records) => setAll(tier, records, { ifNotAfter: ({ version }) => version }) }),
  ],
  [
    'compares ifNotAfter alone',
    'versions',
    (tier) => ({
      set: (records) => setAll(tier, records, { ifNotAfter: ({ version, ifNotAfter = version }) => ifNotAfter - 1 }),
    }),
  ],
  [
    'deletes whatever the version',
    'versions',
    (tier) => ({ delete: (keys) => tier.delete(keys, Number.MAX_SAFE_INTEGER - 1) }),
  ],
  [
    'clears whatever the version',
    'versions',
    (tier) => ({ clear: (prefix) => tier.clear(prefix, Number.MAX_SAFE_INTEGER) }),
  ],
  [
    'compares versions in 32 bits',
    'versions',
    (tier) => ({ set: (records) => setAll(tier, records, { version: ({ version }) => version % 2 ** 32 }) }),
  ],
  [
    'honours versions it does not declare',
    'versions',
    (tier) => ({ capabilities: { ...tier.capabilities, versions: false } }),
  ],
  [
    'takes the last write though it declares versions',
    'concurrency',
    (tier) => ({
      capabilities: { ...tier.capabilities, versions: true },
    }),
    { capabilities: { versions: false } },
  ],
  [
    'scans a prefix off by one',
    'scan',
    (tier) => ({ scan: (prefix, decode) => tier.scan(prefix.slice(0, -1), decode) }),
  ],
  ['reads a prefix as a pattern', 'scan', (tier) => ({ scan: (prefix, decode) => scanPattern(tier, prefix, decode) })],
  [
    'visits a page twice',
    'scan',
    (tier) => ({
      async *scan(prefix, decode) {
        let visited = 0
        for await (const found of tier.scan(prefix, decode)) {
          yield found
          if (++visited === 100) yield found
        }
      },
    }),
  ],
  [
    'stops a scan after a thousand',
    'scan',
    (tier) => ({
      async *scan(prefix, decode) {
        let left = 1000
        for await (const found of tier.scan(prefix, decode)) if (left-- > 0) yield found
      },
    }),
  ],
  [
    'removes what a scan passes',
    'scan',
    (tier) => ({
      scan: (prefix, decode) => scanWithRemoval(tier, prefix, decode),
    }),
    { capabilities: { versions: false } },
  ],
  [
    'throws from scan instead of rejecting',
    'scan',
    () => ({
      scan: () => {
        throw new Error('not supported')
      },
    }),
    { capabilities: { scan: false } },
  ],
  ['scans nothing when it cannot scan', 'scan', () => ({ async *scan() {} }), { capabilities: { scan: false } }],
  [
    'clears a prefix off by one',
    'clear',
    (tier) => ({ clear: (prefix, version) => tier.clear(prefix.slice(0, -1), version) }),
  ],
  ['clears everything', 'clear', (tier) => ({ clear: (_, version) => tier.clear('', version) })],
  ['clears nothing', 'clear', () => ({ clear: async () => {} })],
  ['mixes up parallel reads', 'concurrency', mixUpReads],
  ['loses marks that are raised at once', 'tags', losesMarks],
  [
    'lowers the clock of tags',
    'tags',
    (tier) => ({
      tags: {
        load: () => tier.tags!.load(),
        invalidate: async (tags, atLeast) => atLeast || tier.tags!.invalidate(tags, 0),
      },
    }),
  ],
  ['offers tags that it does not declare', 'tags', (tier) => ({ capabilities: { ...tier.capabilities, tags: false } })],
  ['answers after it was closed', 'closing', () => ({ close: async () => {} })],
  [
    'returns nothing after it was closed',
    'closing',
    (tier) => ({
      get: (keys, decode) => tier.get(keys, decode).catch(() => keys.map(() => undefined)),
    }),
  ],
  ['fails to close twice', 'closing', closesOnce],
  [
    'leaves a timer',
    'closing',
    (tier, { timers }) => {
      timers.every(1000, () => {})
      return { close: () => tier.close() }
    },
  ],
  [
    'forgets its entries at a restart',
    'sharing and durability',
    (tier) => ({
      capabilities: { ...tier.capabilities, durable: true },
    }),
    { capabilities: { shared: false, durable: false } },
  ],
  [
    'starts its versions anew',
    'sharing and durability',
    (tier) => ({ open: async () => ({ ...(await tier.open()), highestVersion: 1 }) }),
  ],
]

function scanPattern<T>(tier: Tier, prefix: string, decode: Decode<T>): AsyncIterable<T> {
  const pattern = new RegExp(`^${prefix.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')}`)
  return tier.scan('', (bytes, index) => {
    const [key] = JSON.parse(Buffer.from(bytes).toString()) as [string]
    return pattern.test(key) ? decode(bytes, index) : undefined
  })
}

async function* scanWithRemoval<T>(tier: Tier, prefix: string, decode: Decode<T>): AsyncIterable<T> {
  yield* tier.scan(prefix, decode)
  await tier.clear(prefix, Number.MAX_SAFE_INTEGER)
}

/** A batcher that hands the first reply to everybody who asks within a turn. */
function mixUpReads(tier: Tier): Partial<Tier> {
  let turn: readonly string[] | undefined
  return {
    get: async (keys, decode) => {
      turn ??= keys
      const first = turn
      await Promise.resolve()
      turn = undefined
      return tier.get(keys.length === first.length ? first : keys, decode)
    },
  }
}

function losesMarks(tier: Tier): Partial<Tier> {
  return {
    tags: {
      load: () => tier.tags!.load(),
      invalidate: async (tags, atLeast) => {
        const { clock } = await tier.tags!.load()
        await tier.tags!.invalidate(tags, atLeast)
        return Math.max(clock + 1, atLeast)
      },
    },
  }
}

function closesOnce(tier: Tier): Partial<Tier> {
  let isClosed = false
  return {
    close: async () => {
      if (isClosed) throw new Error('The connection is closed')
      isClosed = true
      await tier.close()
    },
  }
}
