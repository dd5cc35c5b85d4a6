import type { TierOperation } from '../contract/events.ts'
import { TierError } from '../errors.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'

/** An operation of a tier, or `'*'` for all of them. */
export type FaultTarget = TierOperation | '*'

/** Which calls of the operation a fault hits: all of them by default. */
export interface FaultSelection {
  /** Calls that pass untouched first; `after: 2, times: 1` hits the third. @default 0 */
  readonly after?: number
  /** How many calls are hit. @default Infinity */
  readonly times?: number
  /** The share of the calls in reach that are hit, drawn from the seed of the plan. @default 1 */
  readonly probability?: number
}

export interface FailFault extends FaultSelection {
  /** What the call rejects with. @default a retryable TierError */
  readonly error?: unknown
  /** `'after'`: the store does the work, then the reply is lost. @default 'before' */
  readonly when?: 'before' | 'after'
}

export interface CorruptFault extends FaultSelection {
  /** One bit turned, the second half cut off, or bytes of another program. @default 'flip' */
  readonly how?: Corruption
}

export type Corruption = 'flip' | 'truncate' | 'foreign'

/** A call that reached a faulty tier. */
export interface FaultCall {
  readonly operation: TierOperation
  /** Keys of the call, tags of an invalidation, or the prefix of a scan or clear. */
  readonly keys: readonly string[]
  /** The faults that hit it. */
  readonly faults: readonly Fault['kind'][]
}

export type Fault =
  | { readonly kind: 'fail'; readonly error: unknown; readonly when: 'before' | 'after' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'corrupt'; readonly how: Corruption }
  | { readonly kind: 'drop' }
  | { readonly kind: 'duplicate' }

interface Rule {
  readonly target: FaultTarget
  readonly fault: Fault
  passing: number
  remaining: number
  readonly probability: number
}

/**
 * The script of what goes wrong, and the record of what was called. Hand it to `faultTier`; change it while the test
 * runs. Rules add up: a call can be delayed and then fail. A rule counts only the calls that it was in place for.
 */
export class FaultPlan {
  readonly random: SeededRandom
  readonly #calls: FaultCall[] = []
  #rules: Rule[] = []
  readonly #hanging = new Set<() => void>()

  constructor(options: { readonly seed?: number } = {}) {
    this.random = seededRandom(options.seed ?? 1)
  }

  /** Every call seen, oldest first. */
  get calls(): readonly FaultCall[] {
    return this.#calls
  }

  /** Calls that hang now. */
  get hanging(): number {
    return this.#hanging.size
  }

  callsOf(operation: TierOperation): readonly FaultCall[] {
    return this.#calls.filter((call) => call.operation === operation)
  }

  fail(target: FaultTarget, options: FailFault = {}): this {
    const error = 'error' in options ? options.error : injectedFailure(target)
    return this.#add(target, { kind: 'fail', error, when: options.when ?? 'before' }, options)
  }

  /** Calls wait for `release` or the close of the tier. */
  hang(target: FaultTarget, selection: FaultSelection = {}): this {
    return this.#add(target, { kind: 'hang' }, selection)
  }

  /** Calls wait on the injected timers. */
  delay(target: FaultTarget, ms: number, selection: FaultSelection = {}): this {
    return this.#add(target, { kind: 'delay', ms }, selection)
  }

  /** Damages bytes on the way out (`get`, `scan`) or on the way in (`set`). */
  corrupt(target: 'get' | 'scan' | 'set', options: CorruptFault = {}): this {
    return this.#add(target, { kind: 'corrupt', how: options.how ?? 'flip' }, options)
  }

  /** Confirms the call and does nothing; reads find nothing. */
  drop(target: 'get' | 'set' | 'delete' | 'scan' | 'clear', selection: FaultSelection = {}): this {
    return this.#add(target, { kind: 'drop' }, selection)
  }

  /** Does the call twice, as a client that retries after a lost reply. */
  duplicate(target: 'set' | 'delete' | 'clear', selection: FaultSelection = {}): this {
    return this.#add(target, { kind: 'duplicate' }, selection)
  }

  /** Lets everything that hangs go on. Rules stay. */
  release(): void {
    for (const goOn of this.#hanging) goOn()
  }

  /** Ends all faults and lets everything that hangs go on. The record of calls stays. */
  clear(): void {
    this.#rules = []
    this.release()
  }

  /** Records a call and takes the faults that hit it. @internal */
  take(operation: TierOperation, keys: readonly string[]): readonly Fault[] {
    const faults = this.#rules.filter((rule) => this.#hits(rule, operation)).map((rule) => rule.fault)
    this.#calls.push({ operation, keys: [...keys], faults: faults.map((fault) => fault.kind) })
    return faults
  }

  /** Registers a hanging call; returns what takes it off. @internal */
  suspend(goOn: () => void): () => void {
    const release = (): void => {
      this.#hanging.delete(release)
      goOn()
    }
    this.#hanging.add(release)
    return () => this.#hanging.delete(release)
  }

  #add(target: FaultTarget, fault: Fault, selection: FaultSelection): this {
    const { after = 0, times = Infinity, probability = 1 } = selection
    this.#rules.push({ target, fault, passing: after, remaining: times, probability })
    return this
  }

  #hits(rule: Rule, operation: TierOperation): boolean {
    if (rule.target !== '*' && rule.target !== operation) return false
    if (rule.passing > 0) {
      rule.passing--
      return false
    }
    if (rule.remaining <= 0) return false
    if (rule.probability < 1 && this.random() >= rule.probability) return false
    rule.remaining--
    return true
  }
}

export function faultPlan(options: { readonly seed?: number } = {}): FaultPlan {
  return new FaultPlan(options)
}

function injectedFailure(target: FaultTarget): TierError {
  return new TierError(`The fault plan fails ${target === '*' ? 'every operation' : target}`, {
    code:
      target === 'set' || target === 'delete' || target === 'clear' ? 'ERR_CACHE_TIER_WRITE' : 'ERR_CACHE_TIER_READ',
    retryable: true,
  })
}
