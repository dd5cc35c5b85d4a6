import type { ClearOptions, InvalidateOptions, InvalidateTagsOptions } from '../contract/cache.ts'
import { boolean, duration, readOptions, type OptionTable } from '../base/option-reader.ts'
import type { InvalidationOptions } from './invalidate.ts'
import { sourceVersion } from './policy.ts'

const barrierTimeoutMs = 10_000

const invalidationTable = {
  keepStale: boolean,
  fence: sourceVersion,
  barrier: boolean,
  timeout: duration,
  strict: boolean,
} satisfies OptionTable<Record<keyof InvalidateOptions, unknown>>

const tagsTable = { strict: boolean } satisfies OptionTable<Record<keyof InvalidateTagsOptions, unknown>>

const clearTable = { hard: boolean, strict: boolean } satisfies OptionTable<Record<keyof ClearOptions, unknown>>

/** The options of one `invalidate`. */
export function resolveInvalidation(options: unknown): InvalidationOptions {
  const own = readOptions(options, 'options', invalidationTable)
  return {
    isExpiry: own.keepStale,
    fence: own.fence,
    barrierMs: own.barrier === true ? (own.timeout ?? barrierTimeoutMs) : undefined,
    isStrict: own.strict === true,
  }
}

/** The options of one `invalidateTags`. */
export function resolveTagInvalidation(options: unknown): { readonly isStrict: boolean } {
  return { isStrict: readOptions(options, 'options', tagsTable).strict === true }
}

/** The options of one `clear`. */
export function resolveClear(options: unknown): { readonly isHard: boolean; readonly isStrict: boolean } {
  const own = readOptions(options, 'options', clearTable)
  return { isHard: own.hard === true, isStrict: own.strict === true }
}
