import type {
  WarmingCounts,
  WarmingFailure,
  WarmingOutcome,
  WarmingProgress,
  WarmingReport,
  WarmingTaskReport,
} from '../contract/warming.ts'
import { CacheError } from '../errors.ts'

const mostFailures = 10

/** How a key ended. */
export type KeyEnd = Exclude<keyof WarmingCounts, 'givenUp'>

/** The counts of one task. */
export class TaskTally {
  readonly namespace: string
  readonly kind: WarmingTaskReport['kind']
  readonly #onFailure: (failure: WarmingFailure) => void
  readonly #ends: Record<KeyEnd, number> = { loaded: 0, present: 0, absent: 0, failed: 0 }
  #begun = 0
  /** Keys in all, as soon as that is known. */
  total: number | undefined

  constructor(
    { namespace, kind }: Pick<WarmingTaskReport, 'namespace' | 'kind'>,
    onFailure: (failure: WarmingFailure) => void,
  ) {
    this.namespace = namespace
    this.kind = kind
    this.#onFailure = onFailure
  }

  get done(): number {
    const { loaded, present, absent, failed } = this.#ends
    return loaded + present + absent + failed
  }

  begin(keys: number): void {
    this.#begun += keys
  }

  /** The source has no more than what was begun. */
  sourceEnded(): void {
    this.total = this.#begun
  }

  end(how: KeyEnd, keys = 1): void {
    this.#ends[how] += keys
  }

  /** A key that ended in a failure, or without a key the source itself. */
  fail(error: unknown, key?: string): void {
    if (key !== undefined) this.end('failed')
    this.#onFailure({
      namespace: this.namespace,
      ...(key === undefined ? {} : { key }),
      code: error instanceof CacheError ? error.code : undefined,
      message: error instanceof Error ? error.message : String(error),
    })
  }

  report(isOver: boolean): WarmingTaskReport {
    const { namespace, kind } = this
    const givenUp = isOver ? Math.max(this.total ?? 0, this.#begun) - this.done : 0
    return { namespace, kind, ...this.#ends, givenUp }
  }
}

/** The counts of a warming. */
export class Tally {
  readonly #name: string
  readonly #now: () => number
  readonly #startedAt: number
  readonly #tasks: TaskTally[] = []
  readonly #failures: WarmingFailure[] = []
  #endedAt: number | undefined
  state: WarmingProgress['state'] = 'running'

  constructor(name: string, now: () => number) {
    this.#name = name
    this.#now = now
    this.#startedAt = now()
  }

  add(task: Pick<WarmingTaskReport, 'namespace' | 'kind'>): TaskTally {
    const tally = new TaskTally(task, (failure) => {
      if (this.#failures.length < mostFailures) this.#failures.push(failure)
    })
    this.#tasks.push(tally)
    return tally
  }

  finish(): void {
    this.state = 'finished'
    this.#endedAt = this.#now()
  }

  progress(): WarmingProgress {
    const elapsedMs = this.#elapsedMs
    const counts = sum(this.#tasks.map((task) => task.report(this.state === 'finished')))
    const done = this.#tasks.reduce((all, task) => all + task.done, 0)
    const total = this.#tasks.reduce<number | undefined>(
      (all, task) => (all === undefined || task.total === undefined ? undefined : all + task.total),
      0,
    )
    const rate = elapsedMs > 0 ? (done * 1000) / elapsedMs : 0
    const isForeseeable = total !== undefined && rate > 0
    const etaMs = isForeseeable ? ((total - done) * 1000) / rate : undefined
    return { name: this.#name, state: this.state, ...counts, done, total, rate, etaMs, elapsedMs }
  }

  report(outcome: WarmingOutcome): WarmingReport {
    const tasks = this.#tasks.map((task) => task.report(true))
    const failures = [...this.#failures]
    return { name: this.#name, outcome, ...sum(tasks), durationMs: this.#elapsedMs, tasks, failures }
  }

  get #elapsedMs(): number {
    return (this.#endedAt ?? this.#now()) - this.#startedAt
  }
}

function sum(tasks: readonly WarmingCounts[]): WarmingCounts {
  const all = { loaded: 0, present: 0, absent: 0, failed: 0, givenUp: 0 }
  for (const task of tasks) for (const name of Object.keys(all) as (keyof WarmingCounts)[]) all[name] += task[name]
  return all
}
