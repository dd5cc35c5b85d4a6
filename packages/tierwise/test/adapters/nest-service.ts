// @ts-nocheck: it is compiled with experimentalDecorators, as projects with Nest are, and the tests are not.
import type * as common from '@nestjs/common'
import type * as adapter from '../../src/adapters/nestjs/index.ts'
import type { Cache, CacheManager } from '../../src/index.ts'

type Nest = Pick<typeof common, 'Inject' | 'Injectable' | 'Module'> & typeof adapter

/** A feature of a Nest application, compiled by the test as Nest's own projects are: everything it needs is handed to it. */
export function nestService({
  Injectable,
  Module,
  TierwiseModule,
  InjectCache,
  InjectCacheManager,
  Cached,
  Invalidates,
}: Nest) {
  const calls: string[] = []
  const Noted =
    (note: string) =>
    (_target: object, _name: string, { value }: PropertyDescriptor): void =>
      Reflect.defineMetadata('noted', note, value as object)

  @Injectable()
  class Factors {
    readonly cache: Cache
    readonly manager: CacheManager

    constructor(@InjectCache('factors') cache: Cache, @InjectCacheManager() manager: CacheManager) {
      this.cache = cache
      this.manager = manager
    }

    @Cached({ namespace: 'factors', key: (name: string) => name, keyPrefix: 'find' })
    @Noted('below')
    async find(name: string): Promise<string> {
      return `${name} ${calls.push(name)}`
    }

    @Invalidates({ namespace: 'factors', keys: (name: string) => [`find:${name}`] })
    async save(_name: string): Promise<void> {}
  }

  @Module({ imports: [TierwiseModule.forFeature(['factors'])], providers: [Factors] })
  class FactorModule {}

  const Broken = (): unknown => {
    class Static {
      @Cached({ namespace: 'factors' })
      static async find(): Promise<number> {
        return 1
      }
    }
    return Static
  }
  return { Factors, FactorModule, Broken, calls }
}
