import { styleText } from 'node:util'

import Table from 'cli-table3'

import type { DemoResult } from './demo.ts'
import type { TierReport } from './factor-broker.ts'
import type { LatencySummary } from './latency.ts'

const places = ['memory', 'redis', 'disk', 'postgres', 'stale', 'source']

/** What a demo came to, as text. */
export interface ReportOptions {
  readonly result: DemoResult
  /** By the place that answered, as the service itself measured it. */
  readonly inService: Readonly<Record<string, LatencySummary>>
  readonly tiers: readonly TierReport[]
  readonly colour: boolean
}

export function renderReport({ result, inService, tiers, colour }: ReportOptions): string {
  const { requests, errors, sourceReads } = result
  const verdict = `${whole(errors)} of ${whole(requests)} requests failed for their clients`
  return [
    '',
    byPlace(result, inService),
    byAct(result),
    byTier(tiers),
    `${whole(sourceReads)} reads of the source instead of ${whole(requests)}: ${percent(requests - sourceReads, requests)} saved`,
    paint(errors === 0 ? 'green' : 'red', verdict, colour),
    '',
  ].join('\n')
}

export function paint(format: 'green' | 'red' | 'bold' | 'dim', line: string, colour: boolean): string {
  return colour ? styleText(format, line) : line
}

export function whole(count: number): string {
  return count.toLocaleString('en')
}

function byPlace({ requests, latency }: DemoResult, inService: ReportOptions['inService']): string {
  const seen = latency.summary()
  const table = plainTable([
    'answered by',
    'requests',
    'share',
    ...quantileHeads('client'),
    ...quantileHeads('service'),
  ])
  for (const place of places) {
    const client = seen[place]
    if (client === undefined) continue
    const share = percent(client.count, requests)
    table.push([place, whole(client.count), share, ...quantiles(client), ...quantiles(inService[place])])
  }
  return table.toString()
}

function byAct({ acts }: DemoResult): string {
  const table = plainTable(['meanwhile', 'requests', 'errors', 'stale', ...quantileHeads('client')])
  for (const { title, requests, errors, stale, latency } of acts) {
    const counts = [whole(requests), whole(errors), percent(stale, requests)]
    table.push([title, ...counts, ...quantiles(latency.summary()['all'])])
  }
  return table.toString()
}

function byTier(tiers: readonly TierReport[]): string {
  const table = plainTable(['tier', 'holds', 'hits', 'failures', 'breaker'])
  for (const { name, entries, hits, failures, breaker } of tiers)
    table.push([name, entries === undefined ? 'unknown' : whole(entries), whole(hits), whole(failures), breaker])
  return table.toString()
}

function plainTable(head: readonly string[]): Table.Table {
  const colAligns = head.map((_, column): Table.HorizontalAlignment => (column === 0 ? 'left' : 'right'))
  const isTall = head.some((title) => title.includes('\n'))
  const bottomAligned = head.map((title) => (!isTall || title.includes('\n') ? title : `\n${title}`))
  return new Table({ head: bottomAligned, colAligns, style: { head: [], border: [], compact: true } })
}

/** Two lines: who measured, and what, in milliseconds. */
function quantileHeads(measuredBy: string): readonly string[] {
  return [`${measuredBy}\np50 ms`, 'p95', 'p99']
}

function quantiles(latency: LatencySummary | undefined): readonly string[] {
  if (latency === undefined) return ['', '', '']
  return [latency.p50, latency.p95, latency.p99].map((ms) => ms.toFixed(ms < 10 ? 2 : 0))
}

function percent(part: number, all: number): string {
  return all === 0 ? '' : `${((100 * part) / all).toFixed(1)} %`
}
