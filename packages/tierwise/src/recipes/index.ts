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
export { refreshTokens } from './refresh-tokens.ts'
export type {
  GivenToken,
  Login,
  RefreshRefusal,
  RefreshTokenEvent,
  RefreshTokens,
  RefreshTokensOptions,
  RevokeOutcome,
  RotateOptions,
  RotateOutcome,
  Session,
  SessionClient,
  SessionEnd,
} from './refresh-tokens.ts'
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
export { requestSigning, signRequest, canonicalRequest } from './request-signing.ts'
export type {
  RequestSigning,
  RequestSigningOptions,
  SignableRequest,
  SignatureOutcome,
  SignatureRefusal,
  SignedRequest,
  SigningKey,
  SigningKeyLookup,
  SigningMoment,
} from './request-signing.ts'
export type { RequestHeaders } from './request-headers.ts'
export type { Secret } from './secrets.ts'
export { webhooks } from './webhooks.ts'
export type {
  WebhookDelivery,
  WebhookLimit,
  WebhookOutcome,
  WebhookPartner,
  WebhookRefusal,
  WebhookRequest,
  Webhooks,
  WebhooksOptions,
} from './webhooks.ts'
export { signWebhook } from './webhook-signature.ts'
export type { WebhookFormat, WebhookToSign } from './webhook-signature.ts'
export type { RawBody } from './raw-body.ts'
export { apiKeys } from './api-keys.ts'
export type {
  ApiKey,
  ApiKeyDemand,
  ApiKeyGrant,
  ApiKeyLimit,
  ApiKeyOutcome,
  ApiKeyRefusal,
  ApiKeys,
  ApiKeysOptions,
  IssuedApiKey,
} from './api-keys.ts'
export type { Pepper } from './peppers.ts'
export { liveMetrics } from './live-metrics.ts'
export type {
  EventStreamOptions,
  LiveMetrics,
  LiveMetricsOptions,
  LiveMetricsStats,
  MetricInterval,
  MetricLabels,
  MetricMessage,
  MetricPoint,
  MetricSeries,
  MetricSubscription,
  SeriesFilter,
  SeriesName,
  SnapshotRange,
  SubscribeOptions,
} from './live-metrics.ts'
export { alertEngine } from './alert-engine.ts'
export type {
  Acknowledgement,
  Alert,
  AlertCondition,
  AlertEngine,
  AlertEngineOptions,
  AlertLabels,
  AlertNotification,
  AlertRule,
  AlertState,
  AlertTransition,
  EvaluationOutcome,
  LastEvaluation,
  Sample,
  SampledSeries,
  SampleRequest,
  Silence,
} from './alert-engine.ts'
