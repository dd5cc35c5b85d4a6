export { goldenQueries } from './golden-queries.ts'
export type {
  GoldenQueries,
  GoldenQueriesOptions,
  GoldenQueriesStats,
  GoldenQuery,
  GoldenQueryOptions,
  OfTenant,
  PatternStats,
  QueryLoader,
} from './golden-queries.ts'
export type { QueryParams, QueryShape } from './canonical-query.ts'
export type { InvalidationStrategy, PatternValues, QueryPattern } from './query-pattern.ts'
export { queryTtlsFromEnvironment } from './query-ttls.ts'
export type { QueryFrequency, QuerySpan, QueryTtls, QueryType } from './query-ttls.ts'
