import type { CacheManager } from '../../contract/cache.ts'
import type { Coordination } from '../../coordination/index.ts'
import type { Auditor } from '../auditor/auditor.ts'
import type {
  DurationMetric,
  MetricLabels,
  MetricSample,
  MetricSnapshot,
  ObserveDuration,
  ReadMetric,
} from './metric.ts'

/** Where the namespaces go that are beyond the limit. */
const otherNamespaces = 'other'

/** Tiers behind memory have to be asked what they hold, which costs them something. */
const askedEveryMs = 60_000

/** What a source of metrics takes. */
export interface MetricSourceOptions {
  /** Namespaces that are told apart; the first ones that are seen. The rest is summed up as `other`. @default 200 */
  readonly maxNamespaces?: number
  /** Whose report becomes metrics too. @default none */
  readonly auditor?: Pick<Auditor, 'report'>
  /** Whose steps become metrics too. @default none */
  readonly coordination?: Pick<Coordination, 'stats'>
}

/** Reads the metrics of one manager. */
export class MetricSource {
  readonly #manager: CacheManager
  readonly #auditor: Pick<Auditor, 'report'> | undefined
  readonly #coordination: Pick<Coordination, 'stats'> | undefined
  readonly #maxNamespaces: number
  /** A namespace keeps its place: if it moved to `other` and back, counters would fall. */
  readonly #named = new Set<string>()
  #running: Promise<MetricSnapshot> | undefined
  #askedAt = -Infinity

  constructor(manager: CacheManager, { maxNamespaces = 200, auditor, coordination }: MetricSourceOptions = {}) {
    this.#manager = manager
    this.#auditor = auditor
    this.#coordination = coordination
    this.#maxNamespaces = maxNamespaces
  }

  /** Everything as of now. Callers that ask in the same turn get the same one, so that one scrape is one count. */
  snapshot(): Promise<MetricSnapshot> {
    this.#running ??= this.#take().finally(() => (this.#running = undefined))
    return this.#running
  }

  read(metric: ReadMetric, snapshot: MetricSnapshot): readonly MetricSample[] {
    const samples = metric.read(snapshot)
    return metric.labels.includes('namespace') ? this.#fold(samples) : samples
  }

  /** Returns the function that ends it. */
  watch(metric: DurationMetric, observe: ObserveDuration): () => void {
    return metric.watch(this.#manager, (labels, seconds) => observe(this.#bounded(labels), seconds))
  }

  async #take(): Promise<MetricSnapshot> {
    const health = await this.#manager.health()
    const manager = this.#manager
    const audit = this.#auditor?.report()
    const coordination = this.#coordination?.stats()
    const analytics = manager.analytics()
    if (health.state === 'started') this.#askTiers(analytics.at)
    return { analytics, health, governance: manager.governanceReport(), audit, coordination }
  }

  /** Nobody waits for the answer: it is in the next snapshot. */
  #askTiers(now: number): void {
    if (now - this.#askedAt < askedEveryMs) return
    this.#askedAt = now
    void this.#manager.health({ deep: true })
  }

  #fold(samples: readonly MetricSample[]): readonly MetricSample[] {
    const folded: MetricSample[] = []
    const others = new Map<string, { readonly labels: MetricLabels; value: number }>()
    for (const sample of samples) {
      const labels = this.#bounded(sample.labels)
      if (labels.namespace !== otherNamespaces) {
        folded.push(sample)
        continue
      }
      const id = Object.values(labels).join('\n')
      const sum = others.get(id)
      if (sum === undefined) others.set(id, { labels, value: sample.value })
      else sum.value += sample.value
    }
    return [...folded, ...others.values()]
  }

  #bounded(labels: MetricLabels): MetricLabels {
    const { namespace } = labels
    if (namespace === undefined || this.#named.has(namespace)) return labels
    if (this.#named.size >= this.#maxNamespaces) return { ...labels, namespace: otherNamespaces }
    this.#named.add(namespace)
    return labels
  }
}
