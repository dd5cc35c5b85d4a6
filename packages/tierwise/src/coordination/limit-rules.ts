import type { LimitAnswer, LimitRule } from '../contract/coordination.ts'

/** What is kept of a limit between two requests. Whole numbers; times are epoch milliseconds. */
export type LimitState =
  /** `debt`: parts that are missing until all can be taken, as they were at `at`. */
  | { readonly kind: 'bucket'; readonly debt: number; readonly at: number }
  | { readonly kind: 'fixed-window'; readonly taken: number; readonly endsAt: number }
  | { readonly kind: 'sliding-window'; readonly taken: readonly { readonly at: number; readonly units: number }[] }

/** What a request comes to. */
export interface LimitOutcome {
  readonly answer: LimitAnswer
  /** As before when nothing was taken. */
  readonly state: LimitState | undefined
  /** When the state says nothing any more; epoch milliseconds. */
  readonly endsAt: number
}

/** A request for some units, at a whole millisecond. */
export interface LimitRequest {
  readonly now: number
  readonly cost: number
}

/**
 * What a rule says to a request, and the state after it: the meaning of every rule, in one place. Stores that cannot run this
 * have it in their own language and are held against it.
 */
export function judge(rule: LimitRule, state: LimitState | undefined, request: LimitRequest): LimitOutcome {
  switch (rule.kind) {
    case 'bucket':
      return judgeBucket(rule, state?.kind === rule.kind ? state : undefined, request)
    case 'fixed-window':
      return judgeFixed(rule, state?.kind === rule.kind ? state : undefined, request)
    case 'sliding-window':
      return judgeSliding(rule, state?.kind === rule.kind ? state : undefined, request)
  }
}

/** What was taken and is not wanted: whole units, at the time that the answer said. */
export interface TakenUnits {
  readonly units: number
  readonly at: number
}

/** The state after units were given back; the same when nothing of them counts any more. */
export function giveBack(
  rule: LimitRule,
  state: LimitState,
  { now, units, at }: TakenUnits & { readonly now: number },
): LimitState {
  if (rule.kind === 'bucket' && state.kind === 'bucket') {
    // What the bucket was filled with since may have been lost at its brim, so it is not given twice.
    const parts = units * rule.periodMs - Math.max(0, now - at) * rule.limit
    return { ...state, debt: Math.max(0, state.debt - Math.max(0, parts)) }
  }
  if (rule.kind === 'fixed-window' && state.kind === 'fixed-window') {
    const isOfThisWindow = at < state.endsAt && at >= state.endsAt - rule.periodMs
    return isOfThisWindow ? { ...state, taken: Math.max(0, state.taken - units) } : state
  }
  if (rule.kind !== 'sliding-window' || state.kind !== 'sliding-window') return state
  let left = units
  const taken = state.taken.map((each) => {
    const back = each.at === at ? Math.min(left, each.units) : 0
    left -= back
    return { ...each, units: each.units - back }
  })
  return { kind: 'sliding-window', taken: taken.filter((each) => each.units > 0) }
}

/** What a rule would say to a request that takes nothing: whether it may, and what is left as long as it does not. */
export function peek(rule: LimitRule, state: LimitState | undefined, request: LimitRequest): LimitAnswer {
  const { allowed, retryAfterMs } = judge(rule, state, request).answer
  return { ...judge(rule, state, { ...request, cost: 0 }).answer, allowed, retryAfterMs }
}

type Of<K extends LimitRule['kind']> = Extract<LimitRule, { readonly kind: K }>
type StateOf<K extends LimitRule['kind']> = Extract<LimitState, { readonly kind: K }> | undefined

function judgeBucket(
  { capacity, limit, periodMs }: Of<'bucket'>,
  state: StateOf<'bucket'>,
  { now, cost }: LimitRequest,
): LimitOutcome {
  // A clock that was set back fills nothing, and later not the same time twice.
  const at = Math.max(now, state?.at ?? now)
  const debt = state === undefined ? 0 : Math.max(0, state.debt - (at - state.at) * limit)
  const most = capacity * periodMs
  const wanted = cost * periodMs
  const allowed = debt + wanted <= most
  const after = allowed ? debt + wanted : debt
  const resetAfterMs = Math.ceil(after / limit)
  return {
    answer: {
      allowed,
      remaining: Math.floor((most - after) / periodMs),
      retryAfterMs: waitFor(allowed, cost > capacity ? Infinity : (debt + wanted - most) / limit),
      resetAfterMs,
      at: now,
    },
    state: allowed ? { kind: 'bucket', debt: after, at } : state,
    endsAt: at + resetAfterMs,
  }
}

function judgeFixed(
  { limit, periodMs }: Of<'fixed-window'>,
  state: StateOf<'fixed-window'>,
  { now, cost }: LimitRequest,
): LimitOutcome {
  const current = state !== undefined && state.endsAt > now ? state : { taken: 0, endsAt: now + periodMs }
  const allowed = current.taken + cost <= limit
  const taken = allowed ? current.taken + cost : current.taken
  const leftMs = taken === 0 ? 0 : Math.ceil(current.endsAt - now)
  return {
    answer: {
      allowed,
      remaining: Math.max(0, limit - taken),
      retryAfterMs: waitFor(allowed, cost > limit ? Infinity : current.endsAt - now),
      resetAfterMs: leftMs,
      at: now,
    },
    state: allowed && cost > 0 ? { kind: 'fixed-window', taken, endsAt: current.endsAt } : state,
    endsAt: current.endsAt,
  }
}

function judgeSliding(
  { limit, periodMs }: Of<'sliding-window'>,
  state: StateOf<'sliding-window'>,
  { now, cost }: LimitRequest,
): LimitOutcome {
  const recent = (state?.taken ?? []).filter(({ at }) => at > now - periodMs)
  const used = recent.reduce((sum, { units }) => sum + units, 0)
  const allowed = used + cost <= limit
  // A clock that was set back notes at the last time it had, so what is given back is found by it.
  const at = Math.max(now, recent.at(-1)?.at ?? now)
  const taken = allowed && cost > 0 ? [...recent, { at, units: cost }] : recent
  const freeAt = (taken.at(-1)?.at ?? now - periodMs) + periodMs
  return {
    answer: {
      allowed,
      remaining: Math.max(0, limit - used - (allowed ? cost : 0)),
      retryAfterMs: waitFor(allowed, cost > limit ? Infinity : freedAt(recent, used + cost - limit) + periodMs - now),
      resetAfterMs: freeAt - now,
      at,
    },
    state: allowed ? { kind: 'sliding-window', taken } : state,
    endsAt: freeAt,
  }
}

/** When enough of what was taken, oldest first, was taken. */
function freedAt(taken: readonly { readonly at: number; readonly units: number }[], units: number): number {
  let left = units
  for (const each of taken) {
    left -= each.units
    if (left <= 0) return each.at
  }
  return Infinity
}

function waitFor(allowed: boolean, ms: number): number {
  return allowed ? 0 : Math.max(1, Math.ceil(ms))
}
