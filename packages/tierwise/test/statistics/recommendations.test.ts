import { describe, expect, test } from 'vitest'

import type { NamespaceStats, TierStats } from '../../src/contract/analytics.ts'
import { recommend } from '../../src/statistics/recommendations.ts'
import type { Advised } from '../../src/statistics/recommendations.ts'

const quiet: NamespaceStats = {
  gets: 1000,
  hits: 900,
  staleHits: 0,
  misses: 100,
  hitsByTier: { memory: 900 },
  lookups: {},
  loads: 100,
  loadFailures: 0,
  loadsSaved: 0,
  refreshes: 0,
  sets: 0,
  deletes: 0,
  invalidations: 0,
  promotions: 0,
  evictions: 0,
  demotions: 0,
  rejectedFills: 0,
  foreignChanges: 0,
}

const well: TierStats = {
  lookups: 1000,
  hits: 900,
  staleHits: 0,
  misses: 100,
  hitShareOfGets: 0.9,
  hitShareOfHits: 1,
  tierHitRatio: 0.9,
  operations: {},
  hitLatency: undefined,
  evictions: { capacity: 0, quota: 0, expired: 0, 'too-large': 0 },
  badRecords: 0,
  breakers: undefined,
  intents: 0,
  entries: 100,
  bytes: 1000,
  maxBytes: 10_000,
  store: undefined,
  compression: undefined,
}

interface Seen {
  readonly namespace?: Partial<NamespaceStats>
  readonly tier?: Partial<TierStats>
  readonly rest?: Partial<Advised>
}

function seen({ namespace = {}, tier = {}, rest = {} }: Seen): Advised {
  const stats = { ...quiet, ...namespace }
  return {
    at: 0,
    since: 0,
    overall: stats,
    namespaces: { n: stats },
    hitRate: 0.9,
    coherence: {},
    tiers: { memory: { ...well, ...tier } },
    loadLatency: {},
    windows: undefined,
    hotKeys: [],
    keyFamilies: [],
    ...rest,
  }
}

const slow = { count: 100, meanMs: 900, p50Ms: 800, p95Ms: 2000, p99Ms: 3000, p999Ms: 3000, maxMs: 3000 }

const breakers = { open: 'closed', read: 'closed', write: 'closed', remove: 'closed' } as const

/** One case that a rule speaks at, and one just short of it. */
const cases: Readonly<Record<string, { readonly at: Seen; readonly short: Seen }>> = {
  'low-hit-rate': { at: { namespace: { hits: 490, misses: 510 } }, short: { namespace: { hits: 500, misses: 500 } } },
  'never-renewed': {
    at: { namespace: { hits: 1000, misses: 0, loads: 0 } },
    short: { namespace: { hits: 1000, misses: 0, loads: 1 } },
  },
  'stale-serves': {
    at: { namespace: { hits: 840, staleHits: 60 } },
    short: { namespace: { hits: 850, staleHits: 50 } },
  },
  'failing-loads': { at: { namespace: { loadFailures: 6 } }, short: { namespace: { loadFailures: 5 } } },
  'slow-loads': {
    at: { rest: { loadLatency: { n: slow } } },
    short: { rest: { loadLatency: { n: { ...slow, p95Ms: 999 } } } },
  },
  'dominant-key': {
    at: { rest: { hotKeys: [{ namespace: 'n', key: 'k', reads: 600, share: 0.6 }] } },
    short: { rest: { hotKeys: [{ namespace: 'n', key: 'k', reads: 500, share: 0.5 }] } },
  },
  'missing-family': {
    at: { rest: { keyFamilies: [{ namespace: 'n', family: 'user:*', hits: 100, misses: 400 }] } },
    short: { rest: { keyFamilies: [{ namespace: 'n', family: 'user:*', hits: 400, misses: 400 }] } },
  },
  'too-small': {
    at: { tier: { bytes: 9600, evictions: { ...well.evictions, capacity: 500 } } },
    short: { tier: { bytes: 9400, evictions: { ...well.evictions, capacity: 500 } } },
  },
  'useless-tier': { at: { tier: { tierHitRatio: 0.04, breakers } }, short: { tier: { tierHitRatio: 0.05, breakers } } },
  'too-large-values': { at: { tier: { evictions: { ...well.evictions, 'too-large': 1 } } }, short: {} },
  'bad-records': { at: { tier: { badRecords: 1 } }, short: {} },
  incompressible: {
    at: { tier: { compression: { values: 300, rawBytes: 104, storedBytes: 100, ratio: 1.04 } } },
    short: { tier: { compression: { values: 300, rawBytes: 200, storedBytes: 100, ratio: 2 } } },
  },
}

describe('recommendations', () => {
  test.each(Object.entries(cases))(
    '%s: said where it holds, with its figures, and not before',
    (rule, { at, short }) => {
      const said = recommend(seen(at)).filter((each) => each.rule === rule)
      expect(said).toHaveLength(1)
      expect(said[0]?.reason).toMatch(/\d/)
      expect(said[0]?.namespace ?? said[0]?.tier).toMatch(/^(n|memory)$/)
      expect(recommend(seen(short)).map((each) => each.rule)).not.toContain(rule)
    },
  )

  test('are not made of a few reads, nor of a cache that is well', () => {
    expect(recommend(seen({}))).toEqual([])
    expect(recommend(seen({ namespace: { gets: 10, hits: 0, misses: 10 } }))).toEqual([])
  })

  test('look at the last hour where it is known', () => {
    const recent = {
      gets: 1000,
      hits: 100,
      staleHits: 0,
      misses: 900,
      loads: 900,
      loadFailures: 0,
      loadsSaved: 0,
      sets: 0,
      deletes: 0,
      invalidations: 0,
      foreignChanges: 0,
      hitRate: 0.1,
    }
    const window = { coveredMs: 3_600_000, overall: recent, namespaces: { n: recent } }
    const windows = { '1m': window, '15m': window, '1h': window, '24h': window }
    expect(recommend(seen({ rest: { windows } })).map(({ rule }) => rule)).toEqual(['low-hit-rate'])
  })
})
