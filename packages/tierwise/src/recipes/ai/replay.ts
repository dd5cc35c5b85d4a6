import { parseDuration } from '../../index.ts'
import type { Runtime } from '../../index.ts'
import type { StreamRecord } from './record.ts'
import type { StreamOptions } from './types.ts'

/** The chunks of a record, in order, as far apart as the options say. */
export async function* replayRecord(
  { chunks, at }: StreamRecord,
  replay: StreamOptions['replay'],
  wait: (ms: number) => Promise<void>,
): AsyncGenerator<unknown, undefined> {
  const everyMs = typeof replay === 'object' ? parseDuration(replay.every) : undefined
  for (const [index, chunk] of chunks.entries()) {
    const sinceLast = (at[index] ?? 0) - (at[index - 1] ?? 0)
    const pauseMs = replay === 'recorded' ? sinceLast : (everyMs ?? 0)
    if (pauseMs > 0) await wait(pauseMs)
    yield chunk
  }
  return undefined
}

/** Waits, and no longer than the signal lets it; rejects with its reason then. */
export function waitWith(
  { timers }: Pick<Runtime, 'timers'>,
  signal: AbortSignal | undefined,
): (ms: number) => Promise<void> {
  return (ms) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error)
      const stop = (): void => {
        timer.cancel()
        reject(signal?.reason as Error)
      }
      const timer = timers.after(ms, () => {
        signal?.removeEventListener('abort', stop)
        resolve()
      })
      signal?.addEventListener('abort', stop, { once: true })
    })
}
