import type { MetricLabel } from '../metrics/metric.ts'
import type { History } from './history.ts'
import { labelsKey, type LabelledValue, type Vector } from './vector.ts'

/**
 * What an alert is about, written once: `promql` says it to Prometheus, `evaluate` works it out in process. Prometheus
 * sums over the instances of a job or looks at each of them; in process there is one instance, which has no labels.
 */
export interface Expression {
  promql(prefix: string): string
  evaluate(history: History): Vector
  /** What it reads, so that only that is kept. */
  readonly series: readonly Series[]
  /** What its values are told apart by, besides job, instance and manager. */
  readonly by: readonly MetricLabel[]
  readonly scope: Scope
  /** How far back it looks. */
  readonly windowMs: number
}

/** Whether instances are looked at one by one, or a job as a whole. */
export type Scope = 'instance' | 'job'

/** Some values of a metric, summed up (or of gauges the largest) by some labels. */
export interface Series {
  /** Without the prefix. */
  readonly metric: string
  readonly match: Readonly<Partial<Record<MetricLabel, string>>>
  readonly by: readonly MetricLabel[]
}

interface Selection {
  readonly match?: Series['match']
  readonly by?: readonly MetricLabel[]
  readonly scope?: Scope
}

const scopeLabels: Readonly<Record<Scope, readonly string[]>> = {
  instance: ['job', 'instance', 'manager'],
  job: ['job', 'manager'],
}

/** The present value of a gauge; of several, the largest. */
export function gauge(metric: string, selection: Selection = {}): Expression {
  return overSeries(metric, { selection, windowMs: 0 }, (series, { labels, select }) => ({
    promql: (prefix) => `max by (${labels()}) (${select(prefix)})`,
    evaluate: (history) => history.latest(series),
  }))
}

/** The largest value that a gauge had in the last `windowMs`: for states that come and go while a thing lasts. */
export function highest(metric: string, windowMs: number, selection: Selection = {}): Expression {
  return overSeries(metric, { selection, windowMs }, (series, { labels, select }) => ({
    promql: (prefix) => `max by (${labels()}) (max_over_time(${select(prefix)}))`,
    evaluate: (history) => history.highest(series, windowMs),
  }))
}

/** How much a counter grows in a second, over the last `windowMs`. */
export function perSecond(metric: string, windowMs: number, selection: Selection = {}): Expression {
  return overSeries(metric, { selection, windowMs }, (series, { labels, select }) => ({
    promql: (prefix) => `sum by (${labels()}) (rate(${select(prefix)}))`,
    evaluate: (history) => history.perSecond(series, windowMs),
  }))
}

/** A quantile of a histogram, over the last `windowMs`. */
export function quantile(
  share: number,
  metric: string,
  { windowMs, ...selection }: Selection & { readonly windowMs: number },
): Expression {
  return overSeries(`${metric}_bucket`, { selection, windowMs }, (series, { labels, select }) => ({
    promql: (prefix) => `histogram_quantile(${share}, sum by (${labels('le')}) (rate(${select(prefix)})))`,
    evaluate: (history) => history.quantile(series, { share, windowMs }),
  }))
}

/** What the PromQL over a series is made of. */
interface Parts {
  /** The labels that values are told apart by, after `more`. */
  readonly labels: (...more: readonly (MetricLabel | 'le')[]) => string
  /** The series, with its window where there is one. */
  readonly select: (prefix: string) => string
}

function overSeries(
  metric: string,
  { selection, windowMs }: { readonly selection: Selection; readonly windowMs: number },
  make: (series: Series, parts: Parts) => Pick<Expression, 'promql' | 'evaluate'>,
): Expression {
  const { match = {}, by = [], scope = 'instance' } = selection
  const series = { metric, match, by }
  const range = windowMs === 0 ? '' : `[${durationText(windowMs)}]`
  const made = make(series, {
    labels: (...more) => labelList(scope, [...more, ...by]),
    select: (prefix) => `${selector(prefix, series)}${range}`,
  })
  return { series: [series], by, scope, windowMs, ...made }
}

/** The one by the other; the other may have fewer labels. Nothing where the other is 0. */
export function ratio(part: Expression, whole: Expression): Expression {
  const isAlike = part.by.length === whole.by.length
  return {
    ...joined(part, whole),
    promql: (prefix) => {
      const by = isAlike ? '/' : `/ on (${labelList(whole.scope, whole.by)}) group_left ()`
      return `${part.promql(prefix)} ${by} ${whole.promql(prefix)}`
    },
    evaluate: (history) => {
      const wholes = whole.evaluate(history)
      return mapped(part.evaluate(history), ({ labels, value }) => {
        const by = wholes.get(labelsKey(labels, whole.by))?.value ?? 0
        return by === 0 ? undefined : value / by
      })
    },
  }
}

/** The values above a limit. */
export function above(expression: Expression, limit: number): Expression {
  return compared(expression, '>', limit)
}

/** The values below a limit. */
export function below(expression: Expression, limit: number): Expression {
  return compared(expression, '<', limit)
}

/** The values of the first for which there is one of the second, which has the same labels or fewer. */
export function both(first: Expression, second: Expression): Expression {
  return {
    ...joined(first, second),
    promql: (prefix) =>
      `${first.promql(prefix)} and on (${labelList(second.scope, second.by)}) ${second.promql(prefix)}`,
    evaluate: (history) => {
      const others = second.evaluate(history)
      return mapped(first.evaluate(history), ({ labels, value }) =>
        others.has(labelsKey(labels, second.by)) ? value : undefined,
      )
    },
  }
}

/** The values of the first, and of the second where there is none of the first. */
export function either(first: Expression, second: Expression): Expression {
  return {
    ...joined(first, second),
    promql: (prefix) => `(${first.promql(prefix)} or ${second.promql(prefix)})`,
    evaluate: (history) => new Map([...second.evaluate(history), ...first.evaluate(history)]),
  }
}

function compared(expression: Expression, sign: '<' | '>', limit: number): Expression {
  return {
    ...expression,
    promql: (prefix) => `(${expression.promql(prefix)} ${sign} ${limit})`,
    evaluate: (history) =>
      mapped(expression.evaluate(history), ({ value }) =>
        (sign === '<' ? value < limit : value > limit) ? value : undefined,
      ),
  }
}

function joined(first: Expression, second: Expression): Pick<Expression, 'series' | 'by' | 'scope' | 'windowMs'> {
  const windowMs = Math.max(first.windowMs, second.windowMs)
  return { series: [...first.series, ...second.series], by: first.by, scope: first.scope, windowMs }
}

function mapped(vector: Vector, change: (each: LabelledValue) => number | undefined): Vector {
  const result = new Map<string, LabelledValue>()
  for (const [key, each] of vector) {
    const value = change(each)
    if (value !== undefined) result.set(key, { labels: each.labels, value })
  }
  return result
}

function labelList(scope: Scope, by: readonly string[]): string {
  return [...scopeLabels[scope], ...by].join(', ')
}

function selector(prefix: string, { metric, match }: Series): string {
  const matchers = Object.entries(match).map(([name, pattern]) => `${name}=~"${pattern}"`)
  return matchers.length === 0 ? `${prefix}${metric}` : `${prefix}${metric}{${matchers.join(',')}}`
}

/** As Prometheus writes durations: whole numbers with a unit. */
export function durationText(ms: number): string {
  for (const [unit, factor] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const)
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`
  return `${Math.round(ms)}ms`
}
