import { Module } from '@nestjs/common'
import type {
  DynamicModule,
  FactoryProvider,
  ModuleMetadata,
  OnApplicationShutdown,
  OnModuleInit,
} from '@nestjs/common'

import type { CacheManager } from '../../index.ts'
import { managerFrom } from '../manager-source.ts'
import type { ManagerSource } from '../manager-source.ts'
import { getCacheManagerToken, getCacheToken } from './tokens.ts'

/** What `forRoot` takes. */
export interface TierwiseModuleOptions extends ManagerSource {
  /** Whether every module sees the manager without importing this one. @default true */
  readonly isGlobal?: boolean
}

/** What `forRootAsync` takes: where the manager comes from is found out by a factory. */
export interface TierwiseModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  readonly useFactory: (...injected: never[]) => ManagerSource | Promise<ManagerSource>
  /** What the factory is given. @default nothing */
  readonly inject?: FactoryProvider['inject']
  /** Whether every module sees the manager without importing this one. @default true */
  readonly isGlobal?: boolean
}

/** Opens the tiers when the modules are initialised, and closes them when the application has been shut down. */
class ManagerLifecycle implements OnModuleInit, OnApplicationShutdown {
  readonly #manager: CacheManager

  constructor(manager: CacheManager) {
    this.#manager = manager
  }

  onModuleInit(): Promise<void> {
    return this.#manager.start()
  }

  onApplicationShutdown(): Promise<void> {
    return this.#manager.stop()
  }
}

/**
 * A cache manager in a Nest application: once `forRoot` or `forRootAsync`, and `forFeature` in each module for the
 * namespaces that it injects.
 *
 * Initialisation fails when a tier cannot be opened. Nest closes its server before it shuts the application down, so
 * running requests still have the cache; for signals, call `app.enableShutdownHooks()`.
 */
export class TierwiseModule {
  /** A manager that is known when the module is made. */
  static forRoot({ isGlobal, ...source }: TierwiseModuleOptions): DynamicModule {
    return rootModule({ useFactory: () => source, ...(isGlobal !== undefined && { isGlobal }) })
  }

  /** A manager that depends on other providers, on a configuration service for example. */
  static forRootAsync(options: TierwiseModuleAsyncOptions): DynamicModule {
    return rootModule(options)
  }

  /** Provides namespaces for `@InjectCache`. */
  static forFeature(namespaces: readonly string[]): DynamicModule {
    const providers = namespaces.map((namespace) => ({
      provide: getCacheToken(namespace),
      inject: [getCacheManagerToken()],
      useFactory: (manager: CacheManager) => manager.namespace(namespace),
    }))
    return { module: TierwiseModule, providers, exports: providers.map(({ provide }) => provide) }
  }
}
// Applied by hand: decorators of Nest are not those of the standard, which the sources are compiled with.
Module({})(TierwiseModule)

function rootModule({ imports, inject, useFactory, isGlobal = true }: TierwiseModuleAsyncOptions): DynamicModule {
  const manager = getCacheManagerToken()
  const create = useFactory as (...injected: unknown[]) => ManagerSource | Promise<ManagerSource>
  return {
    module: TierwiseModule,
    global: isGlobal,
    ...(imports !== undefined && { imports }),
    providers: [
      {
        provide: manager,
        ...(inject !== undefined && { inject }),
        useFactory: async (...injected: unknown[]) => managerFrom(await create(...injected), 'TierwiseModule'),
      },
      {
        provide: ManagerLifecycle,
        inject: [manager],
        useFactory: (created: CacheManager) => new ManagerLifecycle(created),
      },
    ],
    exports: [manager],
  }
}
