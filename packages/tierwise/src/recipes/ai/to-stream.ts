import type { AiStream } from './types.ts'

/** What is said of a stream besides its chunks. */
export interface StreamSource extends Pick<AiStream<unknown>, 'key' | 'source'> {
  /** Epoch milliseconds. */
  readonly cachedAt: number
  readonly signal: AbortSignal | undefined
}

/** A stream for one caller, which its signal ends. */
export function toStream<C>(reader: AsyncIterator<unknown, undefined>, about: StreamSource): AiStream<C> {
  const { key, source, cachedAt, signal } = about
  const stop = (): void => void reader.return?.().catch(() => undefined)
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) stop()
  const done = (): void => signal?.removeEventListener('abort', stop)
  const iterator: AsyncIterator<C, undefined> = {
    next: async () => {
      try {
        const result = await reader.next()
        signal?.throwIfAborted()
        if (result.done === true) done()
        return result as IteratorResult<C, undefined>
      } catch (error) {
        done()
        throw error
      }
    },
    return: async () => {
      done()
      await reader.return?.()
      return { done: true, value: undefined }
    },
  }
  return {
    key,
    source,
    cached: source === 'cache',
    cachedAt: new Date(cachedAt),
    [Symbol.asyncIterator]: () => iterator,
  }
}
