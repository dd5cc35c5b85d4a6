import { canonicalDigest } from '../base/canonical.ts'
import type { Cache, CacheManager } from '../contract/cache.ts'
import type { LoadOptions } from '../contract/options.ts'
import { getCacheManager } from '../default-manager.ts'

type AsyncMethod<This, Args extends unknown[], Result> = (this: This, ...args: Args) => Promise<Result>

/** Where the entries of a decorated method live. */
export interface MethodCache {
  readonly namespace: string
  /** @default the process-wide manager, asked at each call */
  readonly manager?: CacheManager
}

export interface CachedOptions<Args extends unknown[]> extends MethodCache, Omit<LoadOptions, 'signal'> {
  /** The key of a call. @default the name of the method and a digest of the arguments; the receiver has no part in it */
  readonly key?: (...args: Args) => string
}

export interface InvalidatesOptions<Args extends unknown[]> extends MethodCache {
  /** Keys that the method changes. */
  readonly keys?: (...args: Args) => readonly string[]
  readonly tags?: (...args: Args) => readonly string[]
  readonly pattern?: (...args: Args) => string
}

/**
 * Caches an asynchronous method by its arguments. A method that is not asynchronous is a type error: its callers do not
 * expect a promise.
 */
export function cached<This, Args extends unknown[], Result>(
  options: CachedOptions<Args>,
): (
  method: AsyncMethod<This, Args, Result>,
  context: ClassMethodDecoratorContext<This>,
) => AsyncMethod<This, Args, Result> {
  const { namespace, manager, key, ...load } = options
  const loadOptions = Object.freeze(load)
  return (method, context) => {
    const keyOf = key ?? ((...args: Args): string => `${String(context.name)}:${canonicalDigest(args)}`)
    return function (this: This, ...args: Args): Promise<Result> {
      return cacheOf<Result>(namespace, manager).getOrSet(keyOf(...args), () => method.apply(this, args), loadOptions)
    }
  }
}

/** Invalidates after an asynchronous method has succeeded, and before its caller hears of it. */
export function invalidates<This, Args extends unknown[], Result>(
  options: InvalidatesOptions<Args>,
): (
  method: AsyncMethod<This, Args, Result>,
  context: ClassMethodDecoratorContext<This>,
) => AsyncMethod<This, Args, Result> {
  return (method) =>
    async function (this: This, ...args: Args): Promise<Result> {
      const result = await method.apply(this, args)
      const cache = cacheOf<unknown>(options.namespace, options.manager)
      if (options.keys !== undefined) await cache.deleteMany(options.keys(...args))
      if (options.tags !== undefined) await cache.invalidateTags(options.tags(...args))
      if (options.pattern !== undefined) await cache.invalidatePattern(options.pattern(...args))
      return result
    }
}

function cacheOf<V>(namespace: string, manager: CacheManager | undefined): Cache<V> {
  return (manager ?? getCacheManager()).namespace<V>(namespace)
}
