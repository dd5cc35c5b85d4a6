import { cached, invalidates } from '../../decorators/index.ts'
import type { CachedOptions, InvalidatesOptions } from '../../decorators/index.ts'
import { ConfigError, getCacheManager } from '../../index.ts'
import type { CacheManager } from '../../index.ts'
import { InjectCacheManager } from './tokens.ts'

/** A method of a provider, decorated as Nest compiles it. */
export type ProviderMethodDecorator<Args extends readonly unknown[]> = <
  A extends readonly [...Args, ...unknown[]],
  Result,
>(
  target: object,
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<(...args: A) => Promise<Result>>,
) => void

/** Where the manager of the application is put on a provider. */
const place: symbol = Symbol('the cache manager')

/** An object that Nest has not made, in a test for example, has the process-wide manager. */
const managerOf = (receiver: unknown): CacheManager =>
  (receiver as Record<symbol, CacheManager | undefined>)[place] ?? getCacheManager()

/** As `cached` of `tierwise/decorators`, in the manager that the module provides. */
export function Cached<Args extends readonly unknown[] = []>(
  options: Omit<CachedOptions<Args>, 'manager'>,
): ProviderMethodDecorator<Args> {
  return ofProvider(cached<Args>({ ...options, manager: managerOf }))
}

/** As `invalidates` of `tierwise/decorators`, in the manager that the module provides. */
export function Invalidates<Args extends readonly unknown[] = []>(
  options: Omit<InvalidatesOptions<Args>, 'manager'>,
): ProviderMethodDecorator<Args> {
  return ofProvider(invalidates<Args>({ ...options, manager: managerOf }))
}

type Decorate = (target: object, name: string | symbol, descriptor: PropertyDescriptor) => PropertyDescriptor

/** The decorator, for a class whose objects Nest makes: it gives them the manager. */
function ofProvider<Args extends readonly unknown[]>(decorator: unknown): ProviderMethodDecorator<Args> {
  const decorate: Decorate = (target, name, descriptor) => {
    if (typeof target === 'function')
      throw new ConfigError(`\`${String(name)}\` is static: Nest gives the manager to objects only.`, {
        code: 'ERR_CACHE_OPTION',
      })
    if (!(place in target)) {
      InjectCacheManager()(target, place)
      // Once a class, however many of its methods are decorated.
      Object.defineProperty(target, place, { value: undefined, writable: true, configurable: true })
    }
    const decorated = (decorator as Decorate)(target, name, descriptor)
    copyMetadata(descriptor.value as object, decorated.value as object)
    return decorated
  }
  return decorate
}

/** Routes, guards and the like are notes on the method itself, which decorators below this one have made. */
function copyMetadata(from: object, to: object): void {
  for (const key of Reflect.getOwnMetadataKeys(from)) Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, from), to)
}
