import type { Warming, WarmingProgress } from '../contract/warming.ts'

/** Where progress is written: a stream of the process, or what looks like one. */
export interface ProgressStream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** What `showProgress` takes. */
export interface ProgressOptions {
  /** Where to write. @default process.stderr */
  readonly stream?: ProgressStream
  /** Write nothing. @default false */
  readonly silent?: boolean
}

const lineMs = 5000

/**
 * Shows a warming on a terminal, as a bar if `cli-progress` is installed; elsewhere as a line every five seconds and one
 * at the end. Resolves with the warming, and rejects as it does.
 *
 * @example
 * const warming = manager.warm({ namespace: 'factors', pattern: '*' })
 * await showProgress(warming)
 */
export async function showProgress(warming: Warming, options: ProgressOptions = {}): Promise<void> {
  const { stream = process.stderr, silent = false } = options
  const bar = !silent && stream.isTTY === true ? await createBar(stream) : undefined
  const show = silent ? (): void => undefined : (bar?.show ?? lines(stream))
  try {
    for await (const progress of warming) show(progress)
  } finally {
    bar?.stop()
  }
}

interface ProgressBar {
  readonly show: (progress: WarmingProgress) => void
  readonly stop: () => void
}

/** Undefined without the package. */
async function createBar(stream: ProgressStream): Promise<ProgressBar | undefined> {
  const loaded = await import('cli-progress').catch(() => undefined)
  if (loaded === undefined) return undefined
  const { SingleBar } = loaded.default ?? loaded
  const bar = new SingleBar({
    stream: stream as NodeJS.WritableStream,
    format: '{name} [{bar}] {value}/{total} keys, {rate}/s, {left}',
    hideCursor: true,
    clearOnComplete: false,
  })
  let isStarted = false
  return {
    show: (progress) => {
      const { done, total = done } = progress
      const payload = { name: progress.name, rate: Math.round(progress.rate), left: leftOf(progress) }
      if (!isStarted) bar.start(total, done, payload)
      isStarted = true
      bar.setTotal(total)
      bar.update(done, payload)
    },
    stop: () => bar.stop(),
  }
}

function lines(stream: ProgressStream): (progress: WarmingProgress) => void {
  let writtenAt = 0
  return (progress) => {
    if (progress.state !== 'finished' && progress.elapsedMs - writtenAt < lineMs) return
    writtenAt = progress.elapsedMs
    stream.write(`${textOf(progress)}\n`)
  }
}

function textOf(progress: WarmingProgress): string {
  const { name, done, total, loaded, present, absent, failed, givenUp } = progress
  const counts = { loaded, present, absent, failed, 'given up': givenUp }
  const told = Object.entries(counts).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []))
  const of = total === undefined ? '' : ` of ${total}`
  return `${name}: ${done}${of} keys (${told.join(', ') || 'none'}), ${leftOf(progress)}`
}

function leftOf({ state, etaMs, elapsedMs }: WarmingProgress): string {
  if (state === 'waiting') return 'another process warms'
  if (state === 'finished') return `took ${seconds(elapsedMs)}`
  return etaMs === undefined ? `for ${seconds(elapsedMs)}` : `${seconds(etaMs)} left`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
}
