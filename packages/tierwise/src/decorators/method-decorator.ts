import type { Cache, CacheManager } from '../contract/cache.ts'
import { getCacheManager } from '../default-manager.ts'
import { ConfigError } from '../errors.ts'

/** Where the entries of a decorated method live. */
export interface MethodCache<This, Args extends readonly unknown[]> {
  readonly namespace: string
  /**
   * The manager, or where the receiver of a call has it.
   *
   * @default the process-wide manager, asked at each call
   */
  readonly manager?: CacheManager | ((receiver: This) => CacheManager)
  /** The tenant of a call, in a namespace with tenants. @default none */
  readonly tenant?: (...args: Args) => string
}

/**
 * What `cached` and `invalidates` give: a decorator as the standard has it, and as `experimentalDecorators` of TypeScript
 * compiles it. `Args` are the first arguments of the method, as far as the options look at them.
 */
export interface AsyncMethodDecorator<Self, Args extends readonly unknown[]> {
  <This extends Self, A extends readonly [...Args, ...unknown[]], Result>(
    method: (this: This, ...args: A) => Promise<Result>,
    context: ClassMethodDecoratorContext<This, (this: This, ...args: A) => Promise<Result>>,
  ): (this: This, ...args: A) => Promise<Result>
  <A extends readonly [...Args, ...unknown[]], Result>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<(...args: A) => Promise<Result>>,
  ): void
}

type AnyMethod = (this: unknown, ...args: unknown[]) => Promise<unknown>

/** A decorator that puts something around a method. */
export function methodDecorator<Self, Args extends readonly unknown[]>(
  around: (method: AnyMethod, name: string) => AnyMethod,
): AsyncMethodDecorator<Self, Args> {
  const decorate = (
    method: unknown,
    at: string | symbol | ClassMethodDecoratorContext,
    descriptor?: PropertyDescriptor,
  ): unknown => {
    if (typeof at === 'object') return named(around(asMethod(method, at.name), String(at.name)), at.name)
    const decorated = asMethod(descriptor?.value, at)
    return { ...descriptor, value: named(around(decorated, String(at)), at) }
  }
  return decorate as AsyncMethodDecorator<Self, Args>
}

/** The namespace, or the part of it that is the tenant's. */
export function cacheOf<This, Args extends readonly unknown[]>(
  { namespace, manager, tenant }: MethodCache<This, Args>,
  call: { readonly receiver: unknown; readonly args: readonly unknown[] },
): Cache<unknown> {
  const found = typeof manager === 'function' ? manager(call.receiver as This) : (manager ?? getCacheManager())
  const cache = found.namespace(namespace)
  return tenant === undefined ? cache : cache.forTenant(tenant(...(call.args as Args)))
}

function asMethod(value: unknown, name: string | symbol): AnyMethod {
  if (typeof value === 'function') return value as AnyMethod
  throw new ConfigError(`\`${String(name)}\` is not a method: only methods can be cached, or invalidate.`, {
    code: 'ERR_CACHE_OPTION',
  })
}

/** Frameworks and stack traces show the name. */
function named(method: AnyMethod, name: string | symbol): AnyMethod {
  const shown = typeof name === 'symbol' ? `[${name.description ?? ''}]` : name
  return Object.defineProperty(method, 'name', { value: shown, configurable: true })
}
