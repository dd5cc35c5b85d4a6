export type * from '../contract/coordination.ts'
export { createCoordination, type Coordination, type CoordinationStats, type PrimitiveStats } from './coordination.ts'
export type { PrimitiveKind } from './keys.ts'
export { memoryCoordination, type MemoryCoordinationOptions } from './memory/memory-coordination.ts'
export type {
  ClaimsOptions,
  CoordinationEvent,
  CoordinationOptions,
  CounterOptions,
  LivedOptions,
  LockOptions,
  PrimitiveOptions,
  SortedSetOptions,
  StrictOptions,
  WatermarkOptions,
} from './options.ts'
export type { Channel, ListenOptions, Subscription } from './primitives/channel.ts'
export type { Claim, ClaimedRun, ClaimedWork, Claims, ClaimTimes } from './primitives/claims.ts'
export type { Counter } from './primitives/counter.ts'
export type { Hash } from './primitives/hash.ts'
export type { HeldLock } from './primitives/holding.ts'
export { rateLimitHeaders, type LimitHeaderOptions } from './primitives/limit-headers.ts'
export type { LimitAlgorithm, RateLimiterOptions } from './primitives/limit-options.ts'
export type { AcquireOptions, Lock } from './primitives/lock.ts'
export type { MemberOptions, MemberSet } from './primitives/member-set.ts'
export type {
  ConsumeOptions,
  LimitDecision,
  LimitWaitOptions,
  RateLimiter,
  Reservation,
} from './primitives/rate-limiter.ts'
export type { ComparedWrite, Register, RegisterChange, RegisterWriteOptions } from './primitives/register.ts'
export type { SortedSet } from './primitives/sorted-set.ts'
export type { Watermark } from './primitives/watermark.ts'
export type { AnswerSource, CoordinationFailure, StepCounts } from './steps.ts'
