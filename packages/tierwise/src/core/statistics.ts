import type {
  HotKey,
  KeyFamily,
  LatencySummary,
  NamespaceStats,
  WindowCounters,
  WindowName,
  WindowStats,
} from '../contract/analytics.ts'
import type { SpaceOptions } from '../contract/tier.ts'
import type { Runtime, Timer } from '../contract/runtime.ts'
import { CounterHistory, noteMs, windowNames } from '../statistics/counter-history.ts'
import { ageMs, KeySamples } from '../statistics/key-samples.ts'
import { Latency } from '../statistics/latency.ts'
import { Ranking } from '../statistics/ranking.ts'

/** Beyond so many namespaces the times of loads are kept together, under `*`. */
const mostLoadLatencies = 256
const mostListed = 50

const counted = [
  'gets',
  'hits',
  'staleHits',
  'misses',
  'loads',
  'loadFailures',
  'loadsSaved',
  'sets',
  'deletes',
  'invalidations',
  'foreignChanges',
] as const satisfies readonly (keyof NamespaceStats)[]

interface Watched {
  readonly name: string
  readonly stats: () => NamespaceStats
  readonly samples: KeySamples
  readonly history: CounterHistory
}

/** What is kept besides counters: times, windows and samples of keys; see docs/design/observability.md for how much memory. */
export class Statistics {
  readonly memoryHits: Latency = Latency.ofMemory()
  readonly #runtime: Runtime
  readonly #loads = new Map<string, Latency>()
  readonly #watched: Watched[] = []
  /** Counts nothing, so it tells how much of each window there has been. */
  readonly #covered: CounterHistory
  #agedAt: number
  #timer: Timer | undefined

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#agedAt = runtime.clock.now()
    this.#covered = new CounterHistory([], this.#agedAt)
  }

  /** A namespace to keep statistics of, from now on. */
  watch(name: string, stats: () => NamespaceStats, samples: KeySamples): void {
    const history = new CounterHistory(
      counted.map(() => 0),
      this.#runtime.clock.now(),
    )
    this.#watched.push({ name, stats, samples, history })
  }

  newSamples(): KeySamples {
    return new KeySamples(this.#runtime.random)
  }

  /** What memory tells of a hit that was looked at closer. */
  onSample(samples: KeySamples): NonNullable<SpaceOptions['onSample']> {
    return (key, weight, durationMs) => {
      this.memoryHits.record(durationMs)
      samples.memoryHit(key, weight)
    }
  }

  start(): void {
    this.#timer ??= this.#runtime.timers.every(noteMs, () => this.#note())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** A loader has brought a value. */
  loaded(namespace: string, durationMs: number): void {
    const isKnown = this.#loads.has(namespace) || this.#loads.size < mostLoadLatencies
    const name = isKnown ? namespace : '*'
    let latency = this.#loads.get(name)
    if (latency === undefined) this.#loads.set(name, (latency = Latency.ofOperations()))
    latency.record(durationMs)
  }

  get loadLatency(): Readonly<Record<string, LatencySummary>> {
    return Object.fromEntries([...this.#loads].flatMap(([name, { summary }]) => (summary ? [[name, summary]] : [])))
  }

  get windows(): Readonly<Record<WindowName, WindowStats>> {
    const now = this.#runtime.clock.now()
    const current = this.#watched.map(({ name, history, stats }) => ({ name, history, counters: countersOf(stats()) }))
    const windows = windowNames.map((window): [WindowName, WindowStats] => {
      const grown = current.map(
        ({ name, history, counters }) => [name, history.growth(window, now, counters).counts] as const,
      )
      const sum = counted.map((_, at) => grown.reduce((total, [, counts]) => total + (counts[at] ?? 0), 0))
      const used = grown.filter(([, counts]) => counts.some((count) => count > 0))
      return [
        window,
        {
          coveredMs: this.#covered.growth(window, now, []).coveredMs,
          overall: toCounters(sum),
          namespaces: Object.fromEntries(used.map(([name, counts]) => [name, toCounters(counts)])),
        },
      ]
    })
    return Object.fromEntries(windows) as Record<WindowName, WindowStats>
  }

  get hotKeys(): readonly HotKey[] {
    const ranking = new Ranking<HotKey>(mostListed, ({ reads }) => reads)
    for (const { name: namespace, samples } of this.#watched)
      ranking.add(
        samples
          .hotKeys(ranking.atLeast)
          .map(({ key, reads }) => ({ namespace, key, reads, share: reads / samples.reads })),
      )
    return ranking.list
  }

  /** As `hotKeys`, all that are known of one namespace. */
  hotKeysOf(namespace: string): readonly { readonly key: string; readonly reads: number }[] {
    return this.#watched.find(({ name }) => name === namespace)?.samples.hotKeys() ?? []
  }

  /** The namespaces that were used. */
  get namespaces(): readonly string[] {
    return this.#watched.map(({ name }) => name)
  }

  get keyFamilies(): readonly KeyFamily[] {
    const ranking = new Ranking<KeyFamily>(mostListed, ({ hits, misses }) => hits + misses)
    for (const { name: namespace, samples } of this.#watched)
      ranking.add(samples.families(ranking.atLeast).map((family) => ({ namespace, ...family })))
    return ranking.list
  }

  #note(): void {
    const now = this.#runtime.clock.now()
    const isAging = now - this.#agedAt >= ageMs
    if (isAging) this.#agedAt = now
    this.#covered.note(now, [])
    for (const { stats, samples, history } of this.#watched) {
      history.note(now, countersOf(stats()))
      if (isAging) samples.age()
    }
  }
}

function countersOf(stats: NamespaceStats): readonly number[] {
  return counted.map((name) => stats[name])
}

/** Counts in the order of `counted`. */
function toCounters(counts: readonly number[]): WindowCounters {
  const counters = {} as Record<(typeof counted)[number], number>
  // There may be thousands of them in one call, which is too many for a list of pairs each.
  for (let at = 0; at < counted.length; at++) counters[counted[at]!] = counts[at] ?? 0
  const { gets, hits, staleHits } = counters
  return { ...counters, hitRate: gets === 0 ? undefined : (hits + staleHits) / gets }
}
