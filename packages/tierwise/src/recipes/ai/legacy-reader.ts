import type { Cache, Lifetime } from '../../index.ts'
import { createLegacyKeyGenerator } from './legacy-keys.ts'
import type { LegacyKeyOptions } from './legacy-keys.ts'
import type { StreamedKeyParts } from './key-generator.ts'

/** Entries of an older cache, which are read where the new one has none, and never written. */
export interface LegacyOptions extends LegacyKeyOptions {
  /** The namespace that has them: a raw one, with `keyPrefix: ''`. */
  readonly cache: Pick<Cache, 'get' | 'ttl'>
  /**
   * The response that stands in what is stored; undefined if it cannot be read.
   * @default what is JSON, in bytes or a text, also with `rawj:` in front; no pickle, which can run code
   */
  readonly decode?: (stored: unknown) => unknown
}

/** What was found of an older cache. */
export interface LegacyAnswer {
  readonly response: unknown
  /** In epoch milliseconds; undefined when the entry does not say. */
  readonly cachedAt: number | undefined
  /** What is left of its life; undefined when it is not known. */
  readonly ttl: Lifetime | undefined
}

/** The answer of the older cache, or undefined. Requests with a conversation in place of a text have none there. */
export async function readLegacy(options: LegacyOptions, request: StreamedKeyParts): Promise<LegacyAnswer | undefined> {
  const { text, operation, question } = request
  if (typeof text !== 'string') return undefined
  const fields = request.options as Readonly<Record<string, unknown>> | undefined
  const key = createLegacyKeyGenerator(options).key({ text, operation, options: fields, question })
  const stored = await options.cache.get(key)
  const response = stored === undefined ? undefined : (options.decode ?? decodeLegacy)(stored)
  if (response === undefined) return undefined
  const leftMs = await options.cache.ttl(key)
  return {
    response,
    cachedAt: instantOf((response as { readonly cached_at?: unknown } | null)?.cached_at),
    ttl: leftMs === undefined ? undefined : leftMs === Infinity ? 'forever' : leftMs,
  }
}

/**
 * The value in what an older cache has stored: JSON, in bytes or a text, with `rawj:` in front or without. Undefined for anything
 * else; what Python has pickled is never read, because reading it can run code.
 */
export function decodeLegacy(stored: unknown): unknown {
  if (!(stored instanceof Uint8Array) && typeof stored !== 'string') return stored
  const text = typeof stored === 'string' ? stored : Buffer.from(stored).toString('utf8')
  try {
    return JSON.parse(text.startsWith('rawj:') ? text.slice(5) : text) as unknown
  } catch {
    return undefined
  }
}

/** Python writes local time without a zone as well; that is read as UTC. */
function instantOf(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  const instant = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`)
  return Number.isNaN(instant) ? undefined : instant
}
