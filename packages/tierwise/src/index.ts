export { createCacheManager } from './create-cache-manager.ts'
export { getCacheManager, initializeCacheManager, shutdownCacheManager } from './default-manager.ts'
export { escapeGlob } from './base/glob.ts'
export {
  AbortedError,
  CacheError,
  CodecError,
  ConfigError,
  KeyError,
  LicenseViolationError,
  LoaderError,
  PolicyViolationError,
  TierError,
  TimeoutError,
  ValueError,
} from './errors.ts'
export type { CacheErrorCode, CacheErrorFields, LicenseViolation } from './errors.ts'
export type {
  BatchLoader,
  BatchLoaderContext,
  Cache,
  CacheManager,
  ClearOptions,
  EntryInfo,
  InNamespace,
  InvalidateOptions,
  InvalidateResult,
  InvalidateTagsOptions,
  Loader,
  LoaderContext,
  WrapOptions,
  WriteResult,
} from './contract/cache.ts'
export type { Analytics, BusHealth, Health, NamespaceStats, OperationStats, TierHealth } from './contract/analytics.ts'
export type {
  Authority,
  Change,
  ChangeAnswer,
  Fill,
  FillAnswer,
  HeldLease,
  LeaseAnswer,
  LeaseRequest,
  Removal,
  Replacement,
} from './contract/authority.ts'
export type {
  BarrierResult,
  Bus,
  BusChange,
  BusDefinition,
  BusListener,
  BusPosition,
  KeyChange,
  TagChange,
} from './contract/bus.ts'
export type { EncryptionKey, EncryptionOptions, Envelope, EnvelopeOptions, ValueCodec } from './contract/codec.ts'
export type { Entry, EntryHead, KeyedHead } from './contract/entry.ts'
export type {
  BackgroundErrorEvent,
  BadRecordReason,
  BreakerReason,
  BreakerState,
  BusEvent,
  CacheEvent,
  CacheEventOf,
  CacheEventType,
  EvictReason,
  GuardedKind,
  HitEvent,
  InvalidateEvent,
  LifecycleEvent,
  LoadEvent,
  MissEvent,
  PolicyViolationEvent,
  RefreshEvent,
  TierEvent,
  TierOperation,
  TierWriteState,
  WriteEvent,
} from './contract/events.ts'
export type {
  AdaptiveTtlOptions,
  BreakerOptions,
  CacheManagerOptions,
  DataClassOptions,
  Duration,
  GovernanceMode,
  GovernanceOptions,
  GuardOptions,
  Isolation,
  KeyRule,
  LifeOptions,
  Lifetime,
  LoadOptions,
  NamespaceOptions,
  RawOptions,
  RawValues,
  ReadOptions,
  Rules,
  Size,
  WriteMode,
  WriteOptions,
} from './contract/options.ts'
export type {
  GovernanceReport,
  GovernanceRule,
  NamespaceGovernance,
  Offender,
  ViolationCounts,
  ViolationOutcome,
} from './contract/governance.ts'
export type { Clock, Random, Runtime, Timer, Timers } from './contract/runtime.ts'
export type { StandardResult, StandardSchema } from './contract/schema.ts'
export type { TagClock, TagMarks, TagStore } from './contract/tags.ts'
export type {
  CompressionOptions,
  Decode,
  LocalEntry,
  LocalSpace,
  LocalTier,
  NoteStore,
  RawRecord,
  RawStore,
  SpaceOptions,
  Tier,
  TierCapabilities,
  TierContext,
  TierDefinition,
  TierOpening,
  TierRecord,
  TierUsage,
  WriteOutcome,
} from './contract/tier.ts'
