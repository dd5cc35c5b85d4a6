import { Inject } from '@nestjs/common'

/** Under registered symbols, so that two copies of the package in one process agree. */
const start = 'tierwise.nestjs'

/** The token of the manager, for `inject` and for overriding it in tests. */
export function getCacheManagerToken(): symbol {
  return Symbol.for(`${start}.manager`)
}

/** The token of a namespace that `forFeature` provides. */
export function getCacheToken(namespace: string): symbol {
  return Symbol.for(`${start}.cache ${namespace}`)
}

/** Injects the manager into a parameter of a constructor or a property. */
export function InjectCacheManager(): PropertyDecorator & ParameterDecorator {
  return Inject(getCacheManagerToken())
}

/** Injects a namespace that `forFeature` provides. */
export function InjectCache(namespace: string): PropertyDecorator & ParameterDecorator {
  return Inject(getCacheToken(namespace))
}
