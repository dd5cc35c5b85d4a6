import { cacheOf, methodDecorator } from './method-decorator.ts'
import type { AsyncMethodDecorator, MethodCache } from './method-decorator.ts'

/** What `invalidates` takes: where, and which of it. */
export interface InvalidatesOptions<Args extends readonly unknown[] = [], This = unknown> extends MethodCache<
  This,
  Args
> {
  /** Keys that the method changes. */
  readonly keys?: (...args: Args) => readonly string[]
  /** Tags of what the method changes. */
  readonly tags?: (...args: Args) => readonly string[]
  /** A pattern that the keys fit which the method changes. */
  readonly pattern?: (...args: Args) => string
}

/** Invalidates after an asynchronous method has succeeded, and before its caller hears of it. */
export function invalidates<Args extends readonly unknown[] = [], This = unknown>(
  options: InvalidatesOptions<Args, This>,
): AsyncMethodDecorator<This, Args> {
  const { keys, tags, pattern } = options
  return methodDecorator(
    (method) =>
      async function (this: unknown, ...given: unknown[]): Promise<unknown> {
        const result = await method.apply(this, given)
        const cache = cacheOf(options, { receiver: this, args: given })
        const args = given as unknown as Args
        if (keys !== undefined) await cache.deleteMany(keys(...args))
        if (tags !== undefined) await cache.invalidateTags(tags(...args))
        if (pattern !== undefined) await cache.invalidatePattern(pattern(...args))
        return result
      },
  )
}
