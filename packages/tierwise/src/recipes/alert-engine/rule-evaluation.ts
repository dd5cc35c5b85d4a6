import { withDeadline } from '../../base/deadline.ts'
import { duration } from '../../base/option-reader.ts'
import type { MemberSet, Register, SortedSet } from '../../coordination/index.ts'
import type { Runtime } from '../../index.ts'
import { fingerprintOf, nextAlert, transitionOf, type Alert, type AlertTransition, type Finding } from './alerts.ts'
import { judgeSamples, windowOf, type Sample } from './conditions.ts'
import type { AlertRule, SampledSeries } from './options.ts'

/** When a rule was evaluated last, epoch milliseconds. */
export interface LastEvaluation {
  readonly at: number
  /** False when its samples could not be read. */
  readonly ok: boolean
}

/** What the evaluation of a rule needs. */
export interface RuleEvaluationParts {
  /** Each ends some time after its last evaluation. */
  readonly alerts: Register<Alert>
  readonly index: MemberSet
  readonly history: SortedSet
  readonly evaluations: Register<LastEvaluation>
  readonly timers: Runtime['timers']
  readonly timeoutMs: number
  readonly now: () => number
}

/** What came of the evaluation of a rule. */
export interface EvaluatedRule {
  readonly alerts: readonly Alert[]
  readonly transitions: readonly AlertTransition[]
  readonly errors: readonly unknown[]
}

interface SteppedAlert {
  readonly alert?: Alert
  readonly transition?: AlertTransition
}

/** Evaluates a rule, and changes how its alerts are. */
export class RuleEvaluation {
  readonly #parts: RuleEvaluationParts

  constructor(parts: RuleEvaluationParts) {
    this.#parts = parts
  }

  /** `active`: its alerts that are not ok. @throws TierError ERR_CACHE_UNAVAILABLE */
  async evaluate(rule: AlertRule, active: readonly Alert[]): Promise<EvaluatedRule> {
    const now = this.#parts.now()
    let series: readonly SampledSeries[]
    try {
      series = await this.#read(rule, now)
    } catch (error) {
      await this.#parts.evaluations.set(rule.id, { at: now, ok: false })
      return { alerts: active, transitions: [], errors: [error] }
    }
    const found = series.map(({ labels, samples }) => ({
      labels: { ...rule.labels, ...labels },
      verdict: judgeSamples(rule.condition, samples, now),
    }))
    const fingerprints = new Set(found.map(({ labels }) => fingerprintOf(rule.id, labels)))
    // What is not measured any more is not wrong any more.
    const gone = active.filter(({ fingerprint }) => !fingerprints.has(fingerprint))
    const all = [
      ...found,
      ...gone.map(({ labels }) => ({ labels, verdict: { kind: 'fine', value: undefined } as const })),
    ]
    const forMs = rule.for === undefined ? 0 : duration(rule.for, 'for')
    const known = new Map(active.map((alert) => [alert.fingerprint, alert]))
    const stepped = await Promise.all(all.map((each) => this.#step({ rule: rule.id, ...each, now, forMs }, known)))
    await this.#parts.evaluations.set(rule.id, { at: now, ok: true })
    return {
      alerts: stepped.flatMap(({ alert }) => alert ?? []),
      transitions: stepped.flatMap(({ transition }) => transition ?? []),
      errors: [],
    }
  }

  async #read(rule: AlertRule, now: number): Promise<readonly SampledSeries[]> {
    const ending = new AbortController()
    const request = { from: now - windowOf(rule.condition), to: now, signal: ending.signal }
    const error = (): Error => {
      const late = new Error(`Rule \`${rule.id}\` was not read within ${this.#parts.timeoutMs} ms.`)
      ending.abort(late)
      return late
    }
    const reading = (async () => rule.read(request))()
    const found = await withDeadline(reading, this.#parts.timeoutMs, { timers: this.#parts.timers, error })
    return isSeries(found) ? found : [{ samples: found }]
  }

  /** One alert, in one step of the store: of two processes that find the same, one changes its state. */
  async #step(finding: Finding, known: ReadonlyMap<string, Alert>): Promise<SteppedAlert> {
    const fingerprint = fingerprintOf(finding.rule, finding.labels)
    const before = known.get(fingerprint)
    if (before === undefined && finding.verdict.kind !== 'breached') return {}
    // Who changed the state may have died before it was in the history; there it is the same line.
    if (before?.isNoted === false) await this.#note(before)
    const { alerts, index } = this.#parts
    // Before its state: one that is not in the index would never be over.
    await index.add('active', fingerprint)
    let written: Alert | undefined
    const alert = await alerts.update(fingerprint, (current) => (written = nextAlert(current, finding)))
    if (alert === undefined || alert.state === 'ok') await index.remove('active', fingerprint)
    if (alert === undefined) return {}
    if (written === undefined || written.isNoted) return { alert }
    return { alert, transition: await this.#note(written) }
  }

  async #note(alert: Alert): Promise<AlertTransition> {
    const transition = transitionOf(alert)
    await this.#parts.history.add('all', JSON.stringify(transition), transition.at)
    return transition
  }
}

function isSeries(found: readonly Sample[] | readonly SampledSeries[]): found is readonly SampledSeries[] {
  return found[0] !== undefined && 'samples' in found[0]
}
