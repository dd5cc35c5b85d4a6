/** A text and how long it stays. */
export interface HeldText {
  readonly value: string
  /** Milliseconds; `Infinity` for never ending. */
  readonly leftMs: number
}

/** What a text must be for a step to be taken. */
export type TextCondition = 'absent' | 'present' | { readonly is: string }

/** What became of a conditional write. */
export interface TextWrite {
  readonly written: boolean
  /** What was held before; undefined for nothing. */
  readonly before: HeldText | undefined
}

/** A member of a set, which may end by itself. */
export interface Member {
  readonly member: string
  /** @default never */
  readonly ttlMs?: number
}

/** A member of a list that is sorted by a number. */
export interface Scored {
  readonly member: string
  /** Finite. */
  readonly score: number
}

/** Which part of a sorted list. */
export interface ScoreRange {
  /** Inclusive. @default -Infinity */
  readonly min?: number
  /** Inclusive. @default Infinity */
  readonly max?: number
  /** @default all */
  readonly limit?: number
  /** Highest first. @default false */
  readonly reverse?: boolean
}

/** The answer to who wants to be the only one. */
export type Tenure =
  | {
      readonly kind: 'granted'
      /** Larger than that of every tenure of this key before. */
      readonly fence: number
    }
  /** Somebody else is, or stands before: for so long at most, in milliseconds. */
  | { readonly kind: 'busy'; readonly leftMs: number; /** Who stands before in the line. */ readonly ahead: number }

/**
 * How often something may be done. All numbers are whole, and so is the arithmetic: in parts of a unit, of which each
 * millisecond brings `limit` and a unit is `periodMs`. So every store comes to the same answers, none of them rounded.
 */
export type LimitRule =
  /** `capacity` units at once, and `limit` more in each `periodMs`, evenly: a token bucket, and GCRA seen from the other side. `capacity * periodMs` is a safe integer. */
  | { readonly kind: 'bucket'; readonly capacity: number; readonly limit: number; readonly periodMs: number }
  /** `limit` in each stretch of `periodMs`, which begins with the first. */
  | { readonly kind: 'fixed-window'; readonly limit: number; readonly periodMs: number }
  /** `limit` in any stretch of `periodMs`: each one is noted. */
  | { readonly kind: 'sliding-window'; readonly limit: number; readonly periodMs: number }

/** What a limiter says. */
export interface LimitAnswer {
  readonly allowed: boolean
  /** What could be taken now, whole units. */
  readonly remaining: number
  /** When as much as was asked for can be taken, in milliseconds; 0 when allowed, `Infinity` for never. */
  readonly retryAfterMs: number
  /** When all of the limit can be taken again, in milliseconds. */
  readonly resetAfterMs: number
  /** When this was said, whole milliseconds by the clock of the store: names what was taken, see `giveBack`. */
  readonly at: number
}

/** Ends a subscription. Idempotent. */
export interface TextSubscription {
  close(): Promise<void>
}

export interface CoordinationCapabilities {
  /** Other processes see the same state. */
  readonly shared: boolean
  /** State outlives a restart of the store. */
  readonly durable: boolean
}

/**
 * Where state lives that processes agree on. Each method is one atomic step there, by the clock of the store, and of one
 * key; batches are of one key too. Keys are any text. Times are stretches in milliseconds, never instants, so clocks of
 * processes play no part. What has ended is absent at once, whether or not it was removed.
 *
 * A key holds one kind of state: a step of another kind rejects with a `TierError` that is not retryable.
 *
 * Every method rejects with a `TierError` (retryable, with its cause) when the store cannot be asked. A step that rejected
 * for that reason may have been taken. Deadlines and breakers are not the store's: `createCoordination` puts them around it.
 */
export interface CoordinationStore {
  /** For messages and metrics. */
  readonly name: string
  readonly capabilities: CoordinationCapabilities
  /** Idempotent; every other method opens by itself. */
  open(): Promise<void>
  /** Ends subscriptions and connections that were made here. Idempotent. */
  close(): Promise<void>

  /** A text and how long it stays. */
  read(key: string): Promise<HeldText | undefined>
  /** Writes a text, if the condition holds. `ttlMs` undefined: never ending. */
  write(
    key: string,
    value: string,
    options: { readonly ttlMs?: number | undefined; readonly onlyIf?: TextCondition | undefined },
  ): Promise<TextWrite>
  /** Removes a key of any kind; of a text, what it was, if the condition holds. */
  remove(
    key: string,
    onlyIf?: { readonly is: string },
  ): Promise<{ readonly removed: boolean; readonly before: string | undefined }>
  /** Adds to a text that is a whole number, or begins one at 0, which then ends after `ttlMs`. The sum stays a safe integer, or it rejects. */
  add(key: string, by: number, ttlMs?: number): Promise<{ readonly value: number; readonly leftMs: number }>
  /** Replaces a number by a larger one, for ever; `raised` is false when it was as large already. */
  raise(key: string, to: number): Promise<{ readonly value: number; readonly raised: boolean }>

  /** Whether each was new; one that was there gets the new life. */
  enter(key: string, members: readonly Member[]): Promise<readonly boolean[]>
  /** Whether each is there, in the order asked for. */
  contains(key: string, members: readonly string[]): Promise<readonly boolean[]>
  /** Whether each was there. */
  leave(key: string, members: readonly string[]): Promise<readonly boolean[]>
  /** How many members have not ended. */
  size(key: string): Promise<number>
  /** All members that have not ended, in no order. */
  members(key: string): Promise<readonly string[]>

  /** Sets fields; a `null` removes one. `ttlMs` is that of the whole, from now on; undefined leaves it. */
  setFields(key: string, fields: Readonly<Record<string, string | null>>, ttlMs?: number): Promise<void>
  /** All fields, or those named; undefined when the key is absent. */
  fields(key: string, names?: readonly string[]): Promise<Readonly<Record<string, string>> | undefined>

  /** Puts members in, or moves them. Keeps the `keep` highest, if given. */
  rank(
    key: string,
    members: readonly Scored[],
    options?: { readonly keep?: number; readonly ttlMs?: number },
  ): Promise<void>
  /** Lowest first; those of equal scores in no order that stores agree on. */
  ranked(key: string, range?: ScoreRange): Promise<readonly Scored[]>
  /** How many were removed. */
  unrank(key: string, which: readonly string[] | Pick<ScoreRange, 'min' | 'max'>): Promise<number>

  /**
   * Asks to be the only one, for `ttlMs`. With `waitMs` the owner is put in a line, and kept there for so long: who asks is
   * granted only when nobody stands before. The holder may ask again, which prolongs its tenure with the same fence.
   */
  acquire(
    key: string,
    owner: string,
    options: { readonly ttlMs: number; readonly waitMs?: number | undefined },
  ): Promise<Tenure>
  /** False when it is not held by the owner any more. */
  renew(key: string, owner: string, ttlMs: number): Promise<boolean>
  /** Gives it up, or leaves the line; whether it was held. The next in line is told on the channel `released:` and the key. */
  release(key: string, owner: string): Promise<boolean>

  /** Takes `cost` units if the rule allows all of them, else none; with `isPeek` none in any case. */
  take(
    key: string,
    rule: LimitRule,
    options: { readonly cost: number; readonly isPeek?: boolean },
  ): Promise<LimitAnswer>

  /**
   * Gives back units that were taken at a time and not used, as far as that lets nobody take more than the rule allows: of a
   * window only what was taken in it and still counts, of a bucket only what it has not been filled with since.
   */
  giveBack(key: string, rule: LimitRule, taken: { readonly units: number; readonly at: number }): Promise<void>

  /** Told to all who listen at this moment; whoever does not is not told later. */
  publish(channel: string, text: string): Promise<void>
  /** `onGap`: messages may have been missed, because the connection was lost and made again. */
  subscribe(channel: string, onMessage: (text: string) => void, onGap?: () => void): Promise<TextSubscription>
}
