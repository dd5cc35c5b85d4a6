import { setMaxListeners } from 'node:events'
import { nextTurn } from '../base/runtime.ts'
import type { CacheManager } from '../contract/cache.ts'
import type { WarmingOutcome, WarmingProgress, WarmingReport } from '../contract/warming.ts'
import { HotKeyRecords } from './hot-keys/records.ts'
import type { ManagerAccess } from './manager-access.ts'
import { Once } from './once.ts'
import type { ResolvedWarmingOptions } from './options.ts'
import { Pacer, unlessAborted } from './pauses.ts'
import type { PlannedTask } from './plan.ts'
import { Slots } from './slots.ts'
import { Tally } from './tally.ts'
import { createJob } from './tasks.ts'
import type { Batch, Job } from './tasks.ts'

/** Time between two pieces of news. */
const newsMs = 250
/** With a rate, a batch is worth a quarter of a second at most: so the keys come evenly. */
const batchesASecond = 4

export interface RunParts {
  readonly manager: CacheManager
  readonly access: ManagerAccess
  readonly tasks: readonly PlannedTask[]
  readonly options: ResolvedWarmingOptions
  readonly onNews: (progress: WarmingProgress) => void
}

/** One warming, from its start to its report. */
export class WarmingRun {
  readonly #parts: RunParts
  readonly #jobs: readonly Job[]
  readonly #tally: Tally
  readonly #ended = new AbortController()
  readonly #slots: Slots
  readonly #pacer: Pacer
  #outcome: WarmingOutcome = 'done'
  #toldAt = -Infinity

  /** @throws ConfigError ERR_CACHE_OPTION for a namespace or a tenant that cannot be */
  constructor(parts: RunParts) {
    const { access, manager, tasks, options } = parts
    const now = (): number => access.runtime.clock.now()
    this.#parts = parts
    // Every key that is loaded listens.
    setMaxListeners(0, this.#ended.signal)
    this.#tally = new Tally(options.name, now)
    this.#slots = new Slots(options.concurrency)
    this.#pacer = new Pacer(access.runtime, options.rate)
    const surroundings = {
      manager,
      hotKeys: new HotKeyRecords(manager, now),
      tiersOf: (namespace: string) => access.tiersOf(namespace),
    }
    this.#jobs = tasks.map((planned) => {
      const { namespace } = planned.task
      return createJob(planned, this.#tally.add({ namespace, kind: planned.kind }), surroundings)
    })
  }

  get progress(): WarmingProgress {
    return this.#tally.progress()
  }

  /** Ends it with this outcome, unless it is over. */
  end(outcome: WarmingOutcome): void {
    if (this.#ended.signal.aborted || this.#tally.state === 'finished') return
    this.#outcome = outcome
    this.#ended.abort()
  }

  async run(): Promise<WarmingReport> {
    const running = this.#run()
    const isOver = running.then(
      () => undefined,
      () => undefined,
    )
    const forget = this.#parts.access.beforeStop(() => {
      this.end('stopped')
      return isOver
    })
    return running.finally(forget)
  }

  async #run(): Promise<WarmingReport> {
    const { manager, access, options } = this.#parts
    const { signal, deadlineMs } = options
    const onAbort = (): void => this.end('aborted')
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    const stopListening = manager.on('lifecycle', ({ state }) => state === 'stopping' && this.end('stopped'))
    const { timers } = access.runtime
    const deadline = deadlineMs === Infinity ? undefined : timers.after(deadlineMs, () => this.end('deadline'))
    access.emit({ type: 'warming', state: 'started', ...this.#counts() })
    try {
      await (options.once === undefined
        ? this.#warm()
        : this.#warmOnce(new Once(manager, options.once, access.runtime)))
    } finally {
      deadline?.cancel()
      stopListening()
      signal?.removeEventListener('abort', onAbort)
    }
    return this.#finish()
  }

  #finish(): WarmingReport {
    const report = this.#tally.report(this.#outcome)
    this.#tally.finish()
    this.#tell()
    this.#parts.access.emit({ type: 'warming', state: 'finished', ...this.#counts(), outcome: this.#outcome })
    return report
  }

  async #warmOnce(once: Once): Promise<void> {
    const { signal } = this.#ended
    const waits = (): void => {
      this.#tally.state = 'waiting'
      this.#news()
    }
    const turn = await unlessAborted(once.turn(signal, waits), signal)
    this.#tally.state = 'running'
    if (turn === 'elsewhere' || turn === 'skipped') this.#outcome = turn
    if (turn !== 'mine') return
    once.hold(() => this.end('lost'))
    try {
      await this.#warm()
    } finally {
      // What a deadline has cut off would be cut off again; others need not try.
      const isDone = this.#outcome === 'done' || this.#outcome === 'deadline'
      await once.end(isDone)
    }
  }

  async #warm(): Promise<void> {
    for (const group of groupsOf(this.#jobs, this.#parts.options.strategy)) {
      if (this.#ended.signal.aborted) return
      await Promise.all(group.map((job) => this.#pump(job)))
    }
  }

  /** Takes batch after batch of a job, as fast as there are slots for them; resolves when the last one is done. */
  async #pump(job: Job): Promise<void> {
    const { signal } = this.#ended
    const { batchSize, rate } = this.#parts.options
    const size = Math.max(1, Math.min(batchSize, Math.floor(rate / batchesASecond)))
    const feed = job.batches({ size, signal })
    const running = new Set<Promise<void>>()
    try {
      for (;;) {
        const next = await unlessAborted(feed.next(), signal)
        if (next === undefined || next.done === true) break
        job.tally.begin(next.value.size)
        await unlessAborted(this.#slots.take(), signal)
        await this.#pacer.wait(next.value.size, signal)
        if (signal.aborted) break
        const work = this.#runBatch(job, next.value)
        running.add(work)
        void work.then(() => running.delete(work))
      }
    } catch (error) {
      if (!signal.aborted) job.tally.fail(error)
    }
    // A source that hangs is told, and not waited for.
    if (signal.aborted) void feed.return().catch(() => undefined)
    else job.tally.sourceEnded()
    await unlessAborted(Promise.all(running), signal)
  }

  async #runBatch(job: Job, batch: Batch): Promise<void> {
    const { signal } = this.#ended
    await unlessAborted(
      batch.run(signal).catch((error: unknown) => job.tally.fail(error)),
      signal,
    )
    // Traffic goes first.
    await nextTurn()
    this.#slots.give()
    this.#news()
  }

  #news(): void {
    const now = this.#parts.access.runtime.clock.now()
    if (now - this.#toldAt < newsMs || this.#tally.state === 'finished') return
    this.#toldAt = now
    this.#tell()
    this.#parts.access.emit({ type: 'warming', state: 'progress', ...this.#counts() })
  }

  #tell(): void {
    const { options, onNews } = this.#parts
    onNews(this.progress)
    try {
      options.onProgress?.(this.progress)
    } catch (error) {
      this.#parts.access.emit({ type: 'background-error', work: 'onProgress', error })
    }
  }

  #counts(): Omit<WarmingProgress, 'state'> {
    const { state: _state, ...counts } = this.progress
    return counts
  }
}

/** Groups that follow each other; the jobs of a group go together. */
function groupsOf(jobs: readonly Job[], strategy: ResolvedWarmingOptions['strategy']): readonly (readonly Job[])[] {
  if (strategy === 'parallel') return [jobs]
  if (strategy === 'sequential') return jobs.map((job) => [job])
  return ['high', 'medium', 'low'].map((priority) => jobs.filter(({ planned }) => planned.priority === priority))
}
