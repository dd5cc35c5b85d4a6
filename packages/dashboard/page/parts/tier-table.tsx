import type { JSX } from 'preact'
import type { LatencySummary, TierStats } from 'tierwise'
import type { Picture } from '../../src/wire.ts'
import { bytes, count, milliseconds, percent } from '../format.ts'
import { Panel, Scroll } from './panel.tsx'

/** Everything that is counted of each tier since the start. */
export function TierTable({ picture }: { readonly picture: Picture }): JSX.Element {
  const tiers = Object.entries(picture.tiers)
  return (
    <Panel title="Tiers" id="tiers" class="span-12" aside={<span>since the start</span>}>
      <Scroll label="Hit rates and counters of the tiers">
        <table>
          <thead>
            <tr>
              <th scope="col">Tier</th>
              <th scope="col" class="n">
                of all reads
              </th>
              <th scope="col" class="n">
                of all hits
              </th>
              <th scope="col" class="n">
                of what it was asked
              </th>
              <th scope="col" class="n">
                asked
              </th>
              <th scope="col" class="n">
                keys
              </th>
              <th scope="col" class="n">
                bytes
              </th>
              <th scope="col" class="n">
                budget
              </th>
              <th scope="col" class="n">
                evicted
              </th>
              <th scope="col" class="n">
                bad records
              </th>
              <th scope="col" class="n">
                failed
              </th>
              <th scope="col" class="n">
                refused
              </th>
              <th scope="col" class="n">
                compressed to
              </th>
            </tr>
          </thead>
          <tbody>
            {tiers.map(([name, tier]) => (
              <CounterRow key={name} name={name} tier={tier} />
            ))}
          </tbody>
        </table>
      </Scroll>
      <Latencies tiers={tiers} picture={picture} />
      <HitRateHelp />
    </Panel>
  )
}

function CounterRow({ name, tier }: { readonly name: string; readonly tier: TierStats }): JSX.Element {
  const operations = Object.values(tier.operations)
  const total = (of: 'failures' | 'refused'): number => operations.reduce((sum, each) => sum + each[of], 0)
  const evicted = Object.values(tier.evictions).reduce((sum, each) => sum + each, 0)
  const ratio = tier.compression?.ratio
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="n">{percent(tier.hitShareOfGets)}</td>
      <td class="n">{percent(tier.hitShareOfHits)}</td>
      <td class="n">{percent(tier.tierHitRatio)}</td>
      <td class="n">{count(tier.lookups)}</td>
      <td class="n">{count(tier.entries)}</td>
      <td class="n">{bytes(tier.bytes)}</td>
      <td class="n">{bytes(tier.maxBytes)}</td>
      <td class="n">{count(evicted)}</td>
      <td class="n">{count(tier.badRecords)}</td>
      <td class="n">{count(total('failures'))}</td>
      <td class="n">{count(total('refused'))}</td>
      <td class="n">{percent(ratio === undefined ? undefined : 1 / ratio)}</td>
    </tr>
  )
}

interface LatencyRow {
  readonly name: string
  readonly what: string
  readonly latency: LatencySummary
}

const shown = ['get', 'set', 'delete', 'lease'] as const

function latenciesOf(tiers: readonly (readonly [string, TierStats])[], picture: Picture): readonly LatencyRow[] {
  const ofTiers = tiers.flatMap(([name, tier]) => [
    ...(tier.hitLatency === undefined ? [] : [{ name, what: 'hit', latency: tier.hitLatency }]),
    ...shown.flatMap((what) => {
      const latency = tier.operations[what]?.latency
      return latency === undefined ? [] : [{ name, what, latency }]
    }),
  ])
  const ofLoads = Object.entries(picture.loadLatency).map(([name, latency]) => ({ name, what: 'load', latency }))
  return [...ofTiers, ...ofLoads.slice(0, 12)]
}

function Latencies({
  tiers,
  picture,
}: {
  readonly tiers: readonly (readonly [string, TierStats])[]
  readonly picture: Picture
}): JSX.Element {
  const rows = latenciesOf(tiers, picture)
  if (rows.length === 0) return <p class="empty">Times appear with the first operation of a tier behind memory.</p>
  return (
    <Scroll label="Times of operations">
      <table>
        <thead>
          <tr>
            <th scope="col">Times</th>
            <th scope="col">operation</th>
            {['times', 'mean', 'p50', 'p95', 'p99', 'p99.9', 'longest'].map((name) => (
              <th scope="col" class="n" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, what, latency }) => (
            <tr key={`${name} ${what}`}>
              <th scope="row">{name}</th>
              <td>{what}</td>
              <td class="n">{count(latency.count)}</td>
              <td class="n">{milliseconds(latency.meanMs)}</td>
              <td class="n">{milliseconds(latency.p50Ms)}</td>
              <td class="n">{milliseconds(latency.p95Ms)}</td>
              <td class="n">{milliseconds(latency.p99Ms)}</td>
              <td class="n">{milliseconds(latency.p999Ms)}</td>
              <td class="n">{milliseconds(latency.maxMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

function HitRateHelp(): JSX.Element {
  return (
    <details>
      <summary>Three figures are called a hit rate</summary>
      <dl class="help">
        <dt>of all reads</dt>
        <dd>Hits of the tier by all reads of callers. The tiers add up to the hit rate of the cache.</dd>
        <dt>of all hits</dt>
        <dd>Hits of the tier by the hits of all tiers. They add up to 100 %, however few hits there are.</dd>
        <dt>of what it was asked</dt>
        <dd>
          Hits of the tier by the keys that it was asked for: those that the tiers before it did not have. A good second
          tier may have a low one of the first two and a high one of this.
        </dd>
      </dl>
    </details>
  )
}
