export { factorBroker } from './factor-broker.ts'
export type {
  FactorBroker,
  FactorBrokerOptions,
  FactorBrokerStats,
  FactorPattern,
  FactorRequest,
  FactorResponse,
  FactorSource,
  ResolvedFactor,
} from './factor-broker.ts'
export { partnerResponses } from './partner-responses.ts'
export type {
  Fetch,
  FetchInput,
  PartnerPolicy,
  PartnerResponses,
  PartnerResponsesOptions,
  PartnerResponsesStats,
} from './partner-responses.ts'
export { connectorLimiter } from './connector-limiter.ts'
export type {
  Acquisition,
  ConnectorLimiter,
  ConnectorLimiterOptions,
  ConnectorWaitOptions,
  EndpointLimit,
  EndpointStatus,
} from './connector-limiter.ts'
export { goldenQueries, queryTtlsFromEnvironment } from './golden-queries/index.ts'
export type {
  GoldenQueries,
  GoldenQueriesOptions,
  GoldenQueriesStats,
  GoldenQuery,
  GoldenQueryOptions,
  InvalidationStrategy,
  OfTenant,
  PatternStats,
  PatternValues,
  QueryFrequency,
  QueryLoader,
  QueryParams,
  QueryPattern,
  QueryShape,
  QuerySpan,
  QueryTtls,
  QueryType,
} from './golden-queries/index.ts'
export { RefusedError } from './refusal.ts'
export type { Refusal } from './refusal.ts'
export { tokenBlacklist } from './token-blacklist.ts'
export type {
  PresentedToken,
  Revocation,
  RevocationNote,
  RevocationOutcome,
  RevocationReason,
  TokenBlacklist,
  TokenBlacklistOptions,
  TokenName,
  TokenToRevoke,
} from './token-blacklist.ts'
export { deduplication } from './deduplication.ts'
export type { BatchOutcome, Deduplication, DeduplicationOptions, OnceOutcome, WorkContext } from './deduplication.ts'
export { deltaSync } from './delta-sync.ts'
export type {
  DeltaSync,
  DeltaSyncOptions,
  PartlyDone,
  SyncContext,
  SyncFailure,
  SyncOutcome,
  SyncPage,
  SyncProgress,
  SyncRecord,
  SyncRequest,
  SyncRun,
  SyncStatus,
  SyncTarget,
} from './delta-sync.ts'
