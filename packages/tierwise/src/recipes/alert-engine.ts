import { randomUUID } from 'node:crypto'

import { duration } from '../base/option-reader.ts'
import { systemRuntime, wallClock } from '../base/runtime.ts'
import type { Coordination, Lock, MemberSet, Register, SortedSet } from '../coordination/index.ts'
import { CacheError, ConfigError } from '../index.ts'
import type { Duration, Runtime, Timer } from '../index.ts'
import type { Acknowledgement, Alert, AlertLabels, AlertState, AlertTransition } from './alert-engine/alerts.ts'
import type { AlertCondition, Sample } from './alert-engine/conditions.ts'
import { noticeOf, Notices, type AlertNotification } from './alert-engine/notices.ts'
import {
  readAlertOptions,
  type AlertEngineOptions,
  type AlertRule,
  type SampledSeries,
  type SampleRequest,
} from './alert-engine/options.ts'
import { RuleEvaluation, type LastEvaluation } from './alert-engine/rule-evaluation.ts'

export type {
  Acknowledgement,
  Alert,
  AlertCondition,
  AlertEngineOptions,
  AlertLabels,
  AlertNotification,
  AlertRule,
  AlertState,
  AlertTransition,
  LastEvaluation,
  Sample,
  SampledSeries,
  SampleRequest,
}

/** What came of an evaluation. */
export type EvaluationOutcome =
  | {
      readonly ok: true
      readonly transitions: readonly AlertTransition[]
      /** Groups that were told. */
      readonly notified: number
      /** Rules that could not be read, which leaves their alerts as they are, and groups that could not be told. */
      readonly errors: readonly unknown[]
    }
  /** Another process evaluates, or the store could not be asked. */
  | { readonly ok: false; readonly reason: 'busy' | 'unavailable' }

/** Alerts that are not told. */
export interface Silence {
  readonly id: string
  readonly by: string
  readonly comment?: string
  /** @default all rules */
  readonly rule?: string
  /** Labels that an alert has to have. @default any */
  readonly labels?: AlertLabels
  /** Epoch milliseconds. */
  readonly until: number
}

/** Evaluates rules, remembers how their alerts are, and tells of them once, whichever process does it. */
export interface AlertEngine extends AsyncDisposable {
  /** Evaluates now and with every interval. */
  start(): void
  /** Ends that, and waits for what goes on. Idempotent. */
  stop(): Promise<void>
  /** Evaluates once. Rejects for nothing that a rule or the store does. */
  evaluate(): Promise<EvaluationOutcome>
  /** Alerts that are not ok, the latest first. @throws TierError ERR_CACHE_UNAVAILABLE, as all that follow */
  alerts(): Promise<readonly Alert[]>
  /** Changes of state, the latest first; the last 1000 are kept. @default limit 100 */
  history(options?: { readonly rule?: string; readonly limit?: number }): Promise<readonly AlertTransition[]>
  lastEvaluation(rule: string): Promise<LastEvaluation | undefined>
  /** Somebody is at it: it is not told as firing any more until it has been over. Undefined when it does not fire and is not about to. */
  acknowledge(
    fingerprint: string,
    by: { readonly by: string; readonly note?: string },
  ): Promise<Acknowledgement | undefined>
  /** What fires meanwhile is told when the silence is over, if it still fires. @throws ConfigError ERR_CACHE_OPTION when it would be of all alerts */
  silence(what: {
    readonly rule?: string
    readonly labels?: AlertLabels
    readonly for: Duration
    readonly by: string
    readonly comment?: string
  }): Promise<Silence>
  /** Whether there was one. */
  unsilence(id: string): Promise<boolean>
  silences(): Promise<readonly Silence[]>
}

/**
 * Alerts on what is measured, evaluated by one process at a time and remembered in the store, so that a restart changes
 * nothing.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const engine = alertEngine(coordination, {
 *   rules: [{ id: 'slow', condition: { type: 'threshold', operator: '>', value: 500 }, for: '5m', read: readLatency }],
 *   notify: ({ firing, resolved }) => page(firing, resolved),
 * })
 * engine.start()
 */
export function alertEngine(coordination: Coordination, options: AlertEngineOptions): AlertEngine {
  return new StoredAlertEngine(coordination, options)
}

const keptTransitions = 1000

class StoredAlertEngine implements AlertEngine {
  readonly #options: AlertEngineOptions
  readonly #intervalMs: number
  readonly #timers: Runtime['timers']
  readonly #now: () => number
  readonly #lock: Lock
  readonly #turns: Register<true>
  readonly #alerts: Register<Alert>
  /** Fingerprints of alerts that are not ok, and ids of silences. */
  readonly #index: MemberSet
  readonly #history: SortedSet
  readonly #evaluations: Register<LastEvaluation>
  readonly #silences: Register<Silence>
  readonly #evaluation: RuleEvaluation
  readonly #notices: Notices
  #timer: Timer | undefined
  #running: Promise<unknown> | undefined

  constructor(coordination: Coordination, options: AlertEngineOptions) {
    const { intervalMs, groupIntervalMs, timeoutMs } = readAlertOptions(options)
    const { name = 'alerts', groupBy = ({ rule }: Alert) => rule, notify, runtime, now = wallClock } = options
    const { timers } = { ...systemRuntime(), ...runtime }
    const closed = { failure: 'closed' } as const
    // Alerts of rules that there are not any more end by themselves.
    const lived = { ...closed, ttl: '30d' } as const
    const alerts = coordination.register<Alert>(`${name}.states`, lived)
    const index = coordination.memberSet(`${name}.index`, lived)
    const history = coordination.sortedSet(`${name}.history`, { ...closed, keep: keptTransitions })
    const evaluations = coordination.register<LastEvaluation>(`${name}.evaluations`, lived)
    this.#options = options
    this.#intervalMs = intervalMs
    this.#timers = timers
    this.#now = now
    this.#lock = coordination.lock(name, closed)
    this.#turns = coordination.register(`${name}.turns`, closed)
    this.#alerts = alerts
    this.#index = index
    this.#history = history
    this.#evaluations = evaluations
    this.#silences = coordination.register(`${name}.silences`, closed)
    this.#evaluation = new RuleEvaluation({ alerts, index, history, evaluations, timers, timeoutMs, now })
    this.#notices = new Notices({ coordination, name, alerts, notify, groupBy, groupIntervalMs, timeoutMs, timers })
  }

  start(): void {
    this.#timer ??= this.#timers.every(this.#intervalMs, () => this.#tick())
    this.#tick()
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async evaluate(): Promise<EvaluationOutcome> {
    try {
      const lock = await this.#lock.tryAcquire('evaluation')
      if (lock === undefined) return { ok: false, reason: 'busy' }
      try {
        return await this.#evaluateAll()
      } finally {
        await lock.release().catch(() => false)
      }
    } catch (error) {
      if (error instanceof CacheError && error.code === 'ERR_CACHE_UNAVAILABLE')
        return { ok: false, reason: 'unavailable' }
      throw error
    }
  }

  async alerts(): Promise<readonly Alert[]> {
    const active = await this.#active()
    return active.toSorted((one, other) => other.since - one.since)
  }

  async history({ rule, limit = 100 }: { readonly rule?: string; readonly limit?: number } = {}): Promise<
    readonly AlertTransition[]
  > {
    const found = await this.#history.range('all', { reverse: true })
    const transitions = found.map(({ member }) => JSON.parse(member) as AlertTransition)
    return transitions.filter((each) => rule === undefined || each.rule === rule).slice(0, limit)
  }

  lastEvaluation(rule: string): Promise<LastEvaluation | undefined> {
    return this.#evaluations.get(rule)
  }

  async acknowledge(
    fingerprint: string,
    { by, note }: { readonly by: string; readonly note?: string },
  ): Promise<Acknowledgement | undefined> {
    const acknowledged = { by, at: this.#now(), ...(note === undefined ? {} : { note }) }
    const alert = await this.#alerts.update(fingerprint, (current) =>
      current?.state === 'firing' || current?.state === 'pending' ? { ...current, acknowledged } : undefined,
    )
    return alert?.state === 'firing' || alert?.state === 'pending' ? alert.acknowledged : undefined
  }

  async silence({ for: raw, ...what }: Parameters<AlertEngine['silence']>[0]): Promise<Silence> {
    const forMs = duration(raw, 'silence.for')
    if (what.rule === undefined && Object.keys(what.labels ?? {}).length === 0)
      throw new ConfigError('A silence is of a `rule` or of `labels`.', { code: 'ERR_CACHE_OPTION' })
    const silence: Silence = { ...what, id: randomUUID(), until: this.#now() + forMs }
    await this.#silences.set(silence.id, silence, { ttl: forMs })
    await this.#index.add('silences', silence.id, { ttl: forMs })
    return silence
  }

  async unsilence(id: string): Promise<boolean> {
    const [wasHeld] = await Promise.all([this.#silences.delete(id), this.#index.remove('silences', id)])
    return wasHeld
  }

  async silences(): Promise<readonly Silence[]> {
    const ids = await this.#index.members('silences')
    const found = await Promise.all(ids.map((id) => this.#silences.get(id)))
    return found.filter((each) => each !== undefined)
  }

  #tick(): void {
    if (this.#running !== undefined) return
    this.#running = this.#takeTurn()
      .catch((error: unknown) => this.#report(error))
      .finally(() => {
        this.#running = undefined
      })
  }

  async #takeTurn(): Promise<void> {
    // One turn in an interval, whoever takes it; a process that died holds up nobody for longer.
    if (!(await this.#turns.setIfAbsent('turn', true, { ttl: this.#intervalMs * 0.9 }))) return
    const outcome = await this.evaluate()
    if (outcome.ok) for (const error of outcome.errors) this.#report(error)
  }

  #report(error: unknown): void {
    try {
      this.#options.onError?.(error)
    } catch {
      // Who is told must not change what happens.
    }
  }

  async #evaluateAll(): Promise<EvaluationOutcome> {
    const active = await this.#active()
    const rules = this.#options.rules.map((rule) =>
      this.#evaluation.evaluate(
        rule,
        active.filter((each) => each.rule === rule.id),
      ),
    )
    const evaluated = await Promise.all(rules)
    const transitions = evaluated.flatMap((each) => each.transitions)
    const silences = await this.silences()
    const isSilenced = (alert: Alert): boolean => silences.some((silence) => isMeant(silence, alert))
    const notices = evaluated.flatMap(({ alerts }) =>
      alerts.flatMap((alert) => noticeOf(alert, isSilenced(alert)) ?? []),
    )
    const { told, errors } = await this.#notices.send(notices)
    return { ok: true, transitions, notified: told, errors: [...evaluated.flatMap((each) => each.errors), ...errors] }
  }

  async #active(): Promise<readonly Alert[]> {
    const fingerprints = await this.#index.members('active')
    const found = await Promise.all(fingerprints.map((fingerprint) => this.#alerts.get(fingerprint)))
    return found.filter((alert) => alert !== undefined).filter(({ state }) => state !== 'ok')
  }
}

function isMeant({ rule, labels = {} }: Silence, alert: Alert): boolean {
  if (rule !== undefined && rule !== alert.rule) return false
  return Object.entries(labels).every(([name, value]) => alert.labels[name] === value)
}
