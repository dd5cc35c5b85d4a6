import { createHash } from 'node:crypto'

import type { Verdict } from './conditions.ts'

export type AlertLabels = Readonly<Record<string, string>>
export type AlertState = 'ok' | 'pending' | 'firing' | 'resolved'

/** Somebody is at it. Times are epoch milliseconds. */
export interface Acknowledgement {
  readonly by: string
  readonly at: number
  readonly note?: string
}

/** A rule and labels, and how that is. Times are epoch milliseconds. */
export interface Alert {
  /** The same for the same rule and labels, whatever their order. */
  readonly fingerprint: string
  readonly rule: string
  readonly labels: AlertLabels
  readonly state: AlertState
  /** When it came into this state. */
  readonly since: number
  /** What was compared last. */
  readonly value?: number | undefined
  readonly evaluatedAt: number
  /** When it began to fire, this time or the last. */
  readonly firedAt?: number | undefined
  readonly acknowledged?: Acknowledgement | undefined
  /** `firedAt` of what was notified as firing and not as resolved yet; kept when it fires again meanwhile, which is the same to who was told. */
  readonly told?: number | undefined
  /** State before, for the history. */
  readonly from: AlertState
  /** Whether the history has this state for certain. */
  readonly isNoted: boolean
}

/** A change of state. */
export interface AlertTransition {
  readonly fingerprint: string
  readonly rule: string
  readonly labels: AlertLabels
  readonly from: AlertState
  readonly to: AlertState
  readonly at: number
  readonly value?: number
}

/** What an evaluation found. */
export interface Finding {
  readonly rule: string
  readonly labels: AlertLabels
  readonly verdict: Verdict
  readonly now: number
  /** How long it has to last before it fires. */
  readonly forMs: number
}

/** 32 hexadecimal digits for a rule and labels, whatever their order. */
export function fingerprintOf(rule: string, labels: AlertLabels): string {
  return createHash('sha256')
    .update(JSON.stringify([rule, Object.entries(inOrder(labels))]))
    .digest('hex')
    .slice(0, 32)
}

/** How an alert is after an evaluation; undefined when it stays what it is: nothing is wrong, or a later evaluation was faster. */
export function nextAlert(current: Alert | undefined, finding: Finding): Alert | undefined {
  const { verdict, now } = finding
  if ((current?.state ?? 'ok') === 'ok' && verdict.kind !== 'breached') return undefined
  const { rule, labels } = finding
  const known: Alert = current ?? {
    fingerprint: fingerprintOf(rule, labels),
    rule,
    labels: inOrder(labels),
    state: 'ok',
    since: now,
    evaluatedAt: -Infinity,
    from: 'ok',
    isNoted: true,
  }
  if (known.evaluatedAt >= now) return undefined
  const state = stateAfter(known, finding)
  const seen = { ...known, evaluatedAt: now, ...(verdict.kind === 'no-data' ? {} : { value: verdict.value }) }
  return state === known.state ? { ...seen, isNoted: true } : entered(seen, state)
}

export function transitionOf({ fingerprint, rule, labels, from, state, since, value }: Alert): AlertTransition {
  return { fingerprint, rule, labels, from, to: state, at: since, ...(value === undefined ? {} : { value }) }
}

function stateAfter({ state, since, told }: Alert, { verdict, now, forMs }: Finding): AlertState {
  if (verdict.kind === 'no-data') return state
  if (verdict.kind === 'fine') {
    if (state === 'firing') return 'resolved'
    // What was told as firing has to be told as resolved before it is forgotten.
    return told === undefined ? 'ok' : 'resolved'
  }
  if (state === 'firing') return 'firing'
  const lastedMs = state === 'pending' ? now - since : 0
  return lastedMs >= forMs ? 'firing' : 'pending'
}

function entered(alert: Alert, state: AlertState): Alert {
  const { state: from, evaluatedAt: since, acknowledged } = alert
  const next: Alert = { ...alert, state, from, since, isNoted: false }
  if (state === 'firing') return { ...next, firedAt: since }
  return { ...next, acknowledged: state === 'pending' ? acknowledged : undefined }
}

/** As a store gives them back, so that the line of a transition is the same whoever writes it. */
function inOrder(labels: AlertLabels): AlertLabels {
  return Object.fromEntries(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)))
}
