import type { WarmingSource } from '../contract/warming.ts'

/** Whether it can be read as a source of a task. A text is not meant to be read letter by letter. */
export function isSource(raw: unknown): raw is WarmingSource<unknown> {
  if (typeof raw === 'function') return true
  if (typeof raw !== 'object' || raw === null) return false
  return Symbol.iterator in raw || Symbol.asyncIterator in raw
}

/** How many it has, where that is known without reading it. */
export function sizeOf(source: unknown): number | undefined {
  if (Array.isArray(source)) return source.length
  if (source instanceof Set || source instanceof Map) return source.size
  return undefined
}

/** What a source gives, in lists of at most `size`. */
export async function* batches<T>(
  source: WarmingSource<T>,
  { size, signal }: { readonly size: number; readonly signal: AbortSignal },
): AsyncGenerator<readonly T[], void, undefined> {
  const items = typeof source === 'function' ? await source(signal) : source
  let batch: T[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
