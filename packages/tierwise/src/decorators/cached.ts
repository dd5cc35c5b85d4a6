import { canonicalDigest } from '../base/canonical.ts'
import type { LoadOptions } from '../contract/options.ts'
import { cacheOf, methodDecorator } from './method-decorator.ts'
import type { AsyncMethodDecorator, MethodCache } from './method-decorator.ts'

/** What `cached` takes: where, for how long, under which key. */
export interface CachedOptions<Args extends readonly unknown[] = [], This = unknown>
  extends MethodCache<This, Args>, Omit<LoadOptions, 'signal'> {
  /** The key of a call. @default a digest of the arguments; the receiver has no part in it */
  readonly key?: (...args: Args) => string
  /** What the keys start with, before a colon. @default the name of the method; nothing where there is a `key` */
  readonly keyPrefix?: string
}

/**
 * Caches an asynchronous method by its arguments. A method that is not asynchronous is a type error: its callers do not
 * expect a promise.
 */
export function cached<Args extends readonly unknown[] = [], This = unknown>(
  options: CachedOptions<Args, This>,
): AsyncMethodDecorator<This, Args> {
  const { namespace: _namespace, manager: _manager, tenant: _tenant, key, keyPrefix, ...load } = options
  const loadOptions = Object.freeze(load)
  return methodDecorator((method, name) => {
    const prefix = keyPrefix ?? (key === undefined ? name : undefined)
    const keyOf = (args: readonly unknown[]): string => {
      const own = key === undefined ? canonicalDigest(args) : key(...(args as unknown as Args))
      return prefix === undefined ? own : `${prefix}:${own}`
    }
    // Not an arrow function: the receiver is that of the call.
    return async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      const cache = cacheOf(options, { receiver: this, args })
      return cache.getOrSet(keyOf(args), () => method.apply(this, args), loadOptions)
    }
  })
}
