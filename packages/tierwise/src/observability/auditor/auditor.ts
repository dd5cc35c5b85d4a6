import { systemRuntime } from '../../base/runtime.ts'
import type { CacheManager } from '../../contract/cache.ts'
import type { Runtime, Timer } from '../../contract/runtime.ts'
import { compareWithShared, compareWithSource, look, type Verdict } from './compare.ts'
import { readAuditorOptions, type AuditorOptions, type ResolvedAuditorOptions } from './options.ts'
import { ninesOf, type AuditReport, type Inconsistency, type Sighting } from './report.ts'
import { sampleKeys } from './sample.ts'

/** Looks at a running manager from the side. */
export interface Auditor {
  report(): AuditReport
  /** One round now, besides those that are due. Resolves when its first looks are done; what they suspect is looked at again later. */
  check(): Promise<void>
  stop(): Promise<void>
}

interface Suspect extends Omit<Inconsistency, 'trace'> {
  readonly trace: Sighting[]
  readonly toleranceMs: number
}

/**
 * Samples keys of a manager once in a while and compares memory with the shared tier, and that with the source if it is
 * given. A difference alone says little: a change may be on its way. So a suspect is looked at again until it is in order,
 * has changed, or has been wrong for longer than is tolerated. The idea is that of Polaris, which audits the caches of
 * Meta (M. Habibi and others, "Cache made consistent", 2022).
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const auditor = createAuditor(manager, { namespaces: { factors: { source: (key) => readFactor(key) } } })
 * console.log(auditor.report().nines)
 */
export function createAuditor(manager: CacheManager, options: AuditorOptions): Auditor {
  return new SamplingAuditor(manager, readAuditorOptions(options), { ...systemRuntime(), ...options.runtime })
}

class SamplingAuditor implements Auditor {
  readonly #manager: CacheManager
  readonly #options: ResolvedAuditorOptions
  readonly #runtime: Runtime
  readonly #suspects = new Map<string, Suspect>()
  readonly #found: Inconsistency[] = []
  readonly #timers = new Set<Timer>()
  #checked = 0
  #unknown = 0
  #inconsistent = 0
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(manager: CacheManager, options: ResolvedAuditorOptions, runtime: Runtime) {
    this.#manager = manager
    this.#options = options
    this.#runtime = runtime
    this.#timers.add(runtime.timers.every(options.everyMs, () => void this.check()))
  }

  report(): AuditReport {
    const [checked, inconsistent] = [this.#checked, this.#inconsistent]
    return {
      checked,
      unknown: this.#unknown,
      suspected: this.#suspects.size,
      inconsistent,
      consistency: checked === 0 ? undefined : (checked - inconsistent) / checked,
      nines: ninesOf(inconsistent, checked),
      inconsistencies: [...this.#found],
    }
  }

  check(): Promise<void> {
    // One round at a time: an auditor must not be a load.
    this.#running = this.#running.then(() => this.#round()).catch(() => {})
    return this.#running
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const timer of this.#timers) timer.cancel()
    await this.#running
  }

  async #round(): Promise<void> {
    const names = Object.keys(this.#options.namespaces)
    const share = Math.max(1, Math.floor(this.#options.sample / names.length))
    for (const namespace of names) {
      const cache = this.#manager.namespace(namespace)
      const keys = await sampleKeys(cache, { tier: this.#options.memory, count: share, random: this.#runtime.random })
      for (const key of keys) {
        if (this.#isStopped) return
        await this.#examine(namespace, key)
      }
    }
  }

  async #examine(namespace: string, key: string): Promise<void> {
    const { toleranceMs, sourceToleranceMs, namespaces } = this.#options
    const sighting = await this.#look(namespace, key)
    this.#judge(compareWithShared(sighting), { kind: 'memory', namespace, key, toleranceMs, trace: [sighting] })
    const source = namespaces[namespace]?.source
    if (source === undefined) return
    const verdict = await compareWithSource(this.#manager.namespace(namespace), key, {
      source,
      tier: this.#options.shared,
    })
    this.#judge(verdict, { kind: 'source', namespace, key, toleranceMs: sourceToleranceMs, trace: [sighting] })
  }

  #judge(verdict: Verdict, suspect: Suspect): void {
    if (verdict === 'unknown') this.#unknown++
    else if (verdict === 'same') this.#checked++
    else if (!this.#suspects.has(nameOf(suspect))) {
      this.#suspects.set(nameOf(suspect), suspect)
      this.#lookAgain(suspect)
    }
  }

  /** A fifth of the tolerance later, and until it is over. */
  #lookAgain(suspect: Suspect): void {
    const timer = this.#runtime.timers.after(suspect.toleranceMs / 5, () => {
      this.#timers.delete(timer)
      this.#running = this.#running.then(() => this.#reexamine(suspect)).catch(() => this.#acquit(suspect, 'unknown'))
    })
    this.#timers.add(timer)
  }

  async #reexamine(suspect: Suspect): Promise<void> {
    if (this.#isStopped) return
    const { kind, namespace, key, trace } = suspect
    const sighting = await this.#look(namespace, key)
    trace.push(sighting)
    const first = trace[0]!
    const source = this.#options.namespaces[namespace]?.source
    const verdict =
      kind === 'memory' || source === undefined
        ? compareWithShared({ ...sighting, shared: first.shared })
        : await compareWithSource(this.#manager.namespace(namespace), key, { source, tier: this.#options.shared })
    const isAsBefore = kind === 'memory' ? sighting.memory === first.memory : sighting.shared === first.shared
    if (verdict !== 'different') this.#acquit(suspect, verdict)
    else if (!isAsBefore) this.#acquit(suspect, 'unknown')
    else if (sighting.at - first.at > suspect.toleranceMs) this.#convict(suspect)
    else this.#lookAgain(suspect)
  }

  #acquit(suspect: Suspect, verdict: Exclude<Verdict, 'different'>): void {
    this.#suspects.delete(nameOf(suspect))
    if (verdict === 'same') this.#checked++
    else this.#unknown++
  }

  #convict(suspect: Suspect): void {
    const { kind, namespace, key, trace } = suspect
    this.#suspects.delete(nameOf(suspect))
    this.#checked++
    this.#inconsistent++
    const found: Inconsistency = { kind, namespace, key, trace }
    this.#found.push(found)
    if (this.#found.length > this.#options.traces) this.#found.shift()
    this.#options.onInconsistency(found)
  }

  async #look(namespace: string, key: string): Promise<Sighting> {
    const { memory, shared } = this.#options
    const { bus } = await this.#manager.health()
    const versions = await look(this.#manager.namespace(namespace), key, { memory, shared })
    return { at: this.#runtime.clock.now(), ...versions, confirmedAgoMs: bus?.confirmedAgoMs }
  }
}

function nameOf({ kind, namespace, key }: Pick<Suspect, 'kind' | 'namespace' | 'key'>): string {
  return `${kind} ${namespace}:${key}`
}
