import { createHash } from 'node:crypto'

import { compileGlob } from '../../base/glob.ts'
import { KeyError } from '../../index.ts'

/** What tells series of one metric apart. */
export type MetricLabels = Readonly<Record<string, string>>

/** A metric with its labels. */
export interface SeriesName {
  readonly metric: string
  readonly labels: MetricLabels
}

/** Which series are meant. */
export interface SeriesFilter {
  /** Names of metrics, or patterns: `*` any run of characters, `?` one. @default all */
  readonly metrics?: string | readonly string[]
  /** Labels that a series has to have. @default any */
  readonly labels?: MetricLabels
}

const longestName = 200
const mostLabels = 16

/** The same text for the same series, whatever the order of the labels. @throws KeyError ERR_CACHE_KEY */
export function seriesText(metric: string, labels: MetricLabels): string {
  const pairs = Object.entries(labels)
  if (![metric, ...pairs.flat()].every((text) => typeof text === 'string' && text.length <= longestName))
    throw refusal(`Names and labels of metrics are texts of at most ${longestName} characters.`)
  if (metric === '') throw refusal('The name of a metric must not be empty.')
  if (pairs.length > mostLabels) throw refusal(`A metric has at most ${mostLabels} labels.`)
  return JSON.stringify([metric, pairs.sort(([one], [other]) => (one < other ? -1 : 1))])
}

export function seriesOf(text: string): SeriesName {
  const [metric, pairs] = JSON.parse(text) as [string, [string, string][]]
  return { metric, labels: Object.fromEntries(pairs) }
}

export function digestOfSeries(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** Whether a series is meant, by its text. */
export function seriesMatcher({ metrics = '*', labels = {} }: SeriesFilter): (text: string) => boolean {
  const matchers = (typeof metrics === 'string' ? [metrics] : metrics).map(compileGlob)
  const wanted = Object.entries(labels)
  return (text) => {
    const series = seriesOf(text)
    if (!matchers.some((matches) => matches(series.metric))) return false
    return wanted.every(([name, value]) => series.labels[name] === value)
  }
}

function refusal(message: string): KeyError {
  return new KeyError(message, { code: 'ERR_CACHE_KEY', operation: 'record' })
}
