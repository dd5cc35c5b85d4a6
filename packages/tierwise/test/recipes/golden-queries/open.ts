import { afterEach } from 'vitest'

import { goldenQueries } from '../../../src/recipes/golden-queries/index.ts'
import type { GoldenQueries, GoldenQueriesOptions, QueryPattern } from '../../../src/recipes/golden-queries/index.ts'
import { mapTier, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'

export interface Opened extends TestCache {
  readonly queries: GoldenQueries
}

export const curvesByDate: QueryPattern = {
  name: 'curves_by_date',
  type: 'curve_data',
  match: /^select .* from curves where asof = '(?<asof>[^']*)' and iso = '(?<iso>[^']*)'$/is,
  template: '{iso}/{asof}',
  strategy: 'bust_on_write',
  tables: ['market.Curves'],
  asOf: 'asof',
}

/** A query of that pattern. */
export function curveOf(iso: string, asof = '2026-01-31'): string {
  return `select * from curves where asof = '${asof}' and iso = '${iso}'`
}

export function opener(): (options?: GoldenQueriesOptions) => Opened {
  const opened: Opened[] = []
  afterEach(async () => {
    for (const { stop } of opened.splice(0)) await stop()
  })
  return (options = { patterns: [curvesByDate] }) => {
    const test = testCache().memory().tier(mapTier()).namespace('golden', { tenant: 'required' }).build()
    const all = { ...test, queries: goldenQueries(test.cache, options) }
    opened.push(all)
    return all
  }
}
