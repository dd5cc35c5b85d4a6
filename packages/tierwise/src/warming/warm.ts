import type { CacheManager } from '../contract/cache.ts'
import type { Warming, WarmingOptions, WarmingProgress, WarmingReport, WarmingTask } from '../contract/warming.ts'
import { CacheError } from '../errors.ts'
import { accessTo } from './manager-access.ts'
import { readWarmingOptions } from './options.ts'
import { readPlan } from './plan.ts'
import { WarmingRun } from './run.ts'

/** Starts a warming. What is wrong with the plan rejects it, as with any other verb. */
export function warm(
  manager: CacheManager,
  plan: WarmingTask | readonly WarmingTask[],
  options?: WarmingOptions,
): Warming {
  const news = new News()
  let run: WarmingRun | undefined
  const start = async (): Promise<WarmingReport> => {
    const access = accessTo(manager)
    const tasks = readPlan(plan)
    const resolved = readWarmingOptions(options)
    if (access.isStopped)
      throw new CacheError('The cache manager has been stopped. Create a new one to go on.', {
        code: 'ERR_CACHE_STOPPED',
        operation: 'warm',
      })
    run = new WarmingRun({ manager, access, tasks, options: resolved, onNews: (progress) => news.tell(progress) })
    return run.run()
  }
  const report = start().finally(() => news.end())
  return Object.defineProperties(report, {
    progress: { get: () => run?.progress ?? nothing(options) },
    stop: {
      value: () => {
        run?.end('aborted')
        return report
      },
    },
    [Symbol.asyncIterator]: { value: () => follow(report, news) },
  }) as Warming
}

/** Of a warming that could not be started. */
function nothing(options: WarmingOptions | undefined): WarmingProgress {
  const counts = { loaded: 0, present: 0, absent: 0, failed: 0, givenUp: 0 }
  const name = options?.name ?? 'warming'
  return { name, state: 'finished', ...counts, done: 0, total: undefined, rate: 0, etaMs: undefined, elapsedMs: 0 }
}

/** The latest news, each once; who is slow misses some. The end of the warming is the last one; its failure is thrown. */
async function* follow(report: Promise<WarmingReport>, news: News): AsyncGenerator<WarmingProgress, void, undefined> {
  report.catch(() => undefined)
  let seen = 0
  while (seen < news.count || (await news.next())) {
    seen = news.count
    if (news.latest !== undefined) yield news.latest
  }
  await report
}

class News {
  latest: WarmingProgress | undefined
  count = 0
  #isOver = false
  #waiting: ((isNews: boolean) => void)[] = []

  tell(progress: WarmingProgress): void {
    this.latest = progress
    this.count++
    this.#wake(true)
  }

  end(): void {
    this.#isOver = true
    this.#wake(false)
  }

  /** Whether there will be more. */
  next(): Promise<boolean> {
    return this.#isOver ? Promise.resolve(false) : new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(isNews: boolean): void {
    for (const resolve of this.#waiting.splice(0)) resolve(isNews)
  }
}
