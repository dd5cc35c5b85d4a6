import { breakerOptions, defaultBreaker, type BreakerOverrides } from '../base/breaker-options.ts'
import type { BreakerSettings } from '../base/breaker.ts'
import { boolean, duration, lifetime, oneOf, positiveInteger, readOptions, shaped } from '../base/option-reader.ts'
import type { OptionReader, OptionTable } from '../base/option-reader.ts'
import { systemRuntime } from '../base/runtime.ts'
import type { CoordinationStore } from '../contract/coordination.ts'
import type { BreakerReason, BreakerState } from '../contract/events.ts'
import type { BreakerOptions, Duration, Lifetime } from '../contract/options.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { PrimitiveKind } from './keys.ts'
import type { CoordinationFailure } from './steps.ts'

/** What happens in a coordination. */
export type CoordinationEvent =
  /** A step could not be asked of the store: what the primitive did instead. */
  | {
      readonly type: 'degraded'
      readonly primitive: PrimitiveKind
      readonly name: string
      readonly operation: string
      readonly failure: CoordinationFailure
      readonly error: unknown
    }
  | { readonly type: 'breaker'; readonly state: BreakerState; readonly reason: BreakerReason }
  | { readonly type: 'lock-lost'; readonly name: string; readonly id: string }
  /** What a listener of a channel threw, or a message that it could not be given. */
  | { readonly type: 'listener-failed'; readonly name: string; readonly error: unknown }

/** What `createCoordination` takes. */
export interface CoordinationOptions {
  /** Where the state lives. @default one in this process */
  readonly store?: CoordinationStore
  /** How long a step of the store may take. @default '1s' */
  readonly timeout?: Duration
  /** When a failing store is left alone for a while. @default see BreakerOptions */
  readonly breaker?: BreakerOptions
  /** What primitives do when the store cannot be asked and they do not say. @default 'closed' */
  readonly failure?: CoordinationFailure
  /** What happens. Must not throw. @default none */
  readonly onEvent?: (event: CoordinationEvent) => void
  /** Clock and timers; for tests. @default those of Node */
  readonly runtime?: Partial<Pick<Runtime, 'clock' | 'timers'>>
}

/** What every primitive takes. */
export interface PrimitiveOptions {
  /**
   * When the store cannot be asked: `closed` throws, `local` takes the step in this process, `open` goes on as if it were allowed:
   * nothing is held, what is asked for first is first. Changes that keep something for later throw with `open` too.
   * @default that of the coordination
   */
  readonly failure?: CoordinationFailure
}

/** What primitives take that cannot go on without their store. */
export interface StrictOptions {
  /** When the store cannot be asked: `closed` throws, `local` takes the step in this process. @default 'closed' */
  readonly failure?: 'closed' | 'local'
}

/** What `counter` takes. */
export interface CounterOptions extends StrictOptions {
  /** After which a sum ends, from the first increment on. @default never */
  readonly window?: Duration
}

/** What `register`, `memberSet` and `hash` take. */
export interface LivedOptions extends PrimitiveOptions {
  /** After which a value, a member, a record ends. @default 'forever' */
  readonly ttl?: Lifetime
}

/** What `sortedSet` takes. */
export interface SortedSetOptions extends LivedOptions {
  /** The highest members that are kept. @default all */
  readonly keep?: number
}

/** What `claims` takes. */
export interface ClaimsOptions extends PrimitiveOptions {
  /** After which a claim that was not committed is free again. Longer than the work takes. @default '1m' */
  readonly lease?: Duration
  /** How long a commit is remembered. @default '1d' */
  readonly keep?: Duration
}

/** What `watermark` takes. */
export interface WatermarkOptions {
  /** Take a store that forgets when it ends, as one in this process does. @default false */
  readonly allowVolatile?: boolean
}

/** What `lock` takes. */
export interface LockOptions extends StrictOptions {
  /** How long a lock outlives a process that died. @default '30s' */
  readonly ttl?: Duration
  /** How long `acquire` waits. @default '10s' */
  readonly wait?: Duration
}

const isObject = (raw: unknown): raw is object => typeof raw === 'object' && raw !== null
const isStore = (raw: unknown): raw is CoordinationStore => isObject(raw) && 'acquire' in raw && 'take' in raw
const isFunction = (raw: unknown): raw is (event: CoordinationEvent) => void => typeof raw === 'function'

const failure: OptionReader<CoordinationFailure> = oneOf('closed', 'open', 'local')
const strictFailure: OptionReader<CoordinationFailure> = oneOf('closed', 'local')

export interface CoordinationSettings {
  readonly store: CoordinationStore | undefined
  readonly timeoutMs: number
  readonly breaker: BreakerSettings
  readonly failure: CoordinationFailure
  readonly onEvent: ((event: CoordinationEvent) => void) | undefined
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>
}

interface RawCoordination {
  readonly store: CoordinationStore
  readonly timeout: number
  readonly breaker: BreakerOverrides
  readonly failure: CoordinationFailure
  readonly onEvent: (event: CoordinationEvent) => void
  readonly runtime: object
}

/** @throws ConfigError ERR_CACHE_OPTION */
export function readCoordinationOptions(raw: CoordinationOptions): CoordinationSettings {
  const options = readOptions<RawCoordination>(raw, 'createCoordination', {
    store: shaped('a coordination store', isStore),
    timeout: duration,
    breaker: breakerOptions,
    failure,
    onEvent: shaped('a function', isFunction),
    runtime: shaped('an object', isObject),
  })
  return {
    store: options.store,
    timeoutMs: options.timeout ?? 1000,
    breaker: { ...defaultBreaker, ...options.breaker },
    failure: options.failure ?? 'closed',
    onEvent: options.onEvent,
    runtime: { ...systemRuntime(), ...raw.runtime },
  }
}

/** The options of a primitive, as numbers. */
export interface PrimitiveValues {
  readonly failure: CoordinationFailure
  readonly window: number
  readonly ttl: number
  readonly keep: number
  readonly lease: number
  readonly wait: number
  readonly allowVolatile: boolean
}

/** Kinds whose options are read here. */
export type SimpleKind = Exclude<PrimitiveKind, 'limiter'>

/** How the options of each kind are read. */
const tables: Readonly<Record<SimpleKind, Partial<OptionTable<PrimitiveValues>>>> = {
  counter: { failure: strictFailure, window: duration },
  register: { failure, ttl: lifetime },
  set: { failure, ttl: lifetime },
  hash: { failure, ttl: lifetime },
  'sorted-set': { failure, ttl: lifetime, keep: positiveInteger },
  claim: { failure, lease: duration, keep: duration },
  watermark: { allowVolatile: boolean },
  channel: { failure },
  lock: { failure: strictFailure, ttl: duration, wait: duration },
}

/** @throws ConfigError ERR_CACHE_OPTION */
export function readPrimitiveOptions(kind: SimpleKind, name: string, raw: object): Partial<PrimitiveValues> {
  return readOptions<Partial<PrimitiveValues>>(
    raw,
    `${kind} ${name}`,
    tables[kind] as OptionTable<Partial<PrimitiveValues>>,
  )
}

/** A lifetime that never ends needs no ttl. */
export function endOf(ttl: number | undefined): number | undefined {
  return ttl === Infinity ? undefined : ttl
}
