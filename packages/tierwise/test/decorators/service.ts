import type { CacheManager } from '../../src/contract/cache.ts'
import type * as decorators from '../../src/decorators/index.ts'

/** What the decorated methods have done. */
export interface Calls {
  readonly made: string[]
}

/** Classes with decorators, compiled by the test in both ways: everything they need is handed to them. */
export function decorated(
  { cached, invalidates }: typeof decorators,
  { manager, calls }: { readonly manager: CacheManager; readonly calls: Calls },
) {
  class Users {
    readonly id: number
    readonly cache: CacheManager

    constructor(id: number) {
      this.id = id
      this.cache = manager
    }

    @cached({ namespace: 'users', manager })
    async find(name: string): Promise<string> {
      calls.made.push(`find ${name}`)
      return `${name} by ${this.id}`
    }

    @cached({ namespace: 'users', manager })
    async list(name: string): Promise<string> {
      return `list of ${name}`
    }

    @cached({ namespace: 'users', manager, key: (id: number) => `user:${id}`, ttl: '1h', tags: ['users'] })
    async byId(id: number, _isDetailed: boolean = false): Promise<string> {
      return `user ${id}`
    }

    @cached({ namespace: 'users', manager: (users: Users) => users.cache, keyPrefix: 'own', tiers: ['memory'] })
    async ofReceiver(): Promise<number> {
      return this.id
    }

    @cached({ namespace: 'users', manager, keyPrefix: 'prefixed', key: (id: number) => String(id) })
    async prefixed(id: number): Promise<number> {
      return id
    }

    @cached({ namespace: 'tenants', manager, tenant: (tenant: string, _: string) => tenant, key: (_, key) => key })
    async ofTenant(tenant: string, key: string): Promise<string> {
      return `${key} of ${tenant}`
    }

    @invalidates({ namespace: 'tenants', manager, tenant: (tenant: string) => tenant, pattern: (_) => '*' })
    async forgetTenant(_tenant: string): Promise<void> {}

    @invalidates({
      namespace: 'users',
      manager,
      keys: (id: number) => [`user:${id}`],
      tags: () => ['users'],
      pattern: () => 'list:*',
    })
    async save(_id: number, _name: string): Promise<string> {
      return 'saved'
    }

    @invalidates({ namespace: 'users', manager, keys: () => ['user:1'] })
    async fail(): Promise<never> {
      throw new Error('no')
    }

    @cached({ namespace: 'users', manager, key: () => 'static' })
    static async count(): Promise<number> {
      return 3
    }

    @cached({ namespace: 'default' })
    async fromDefault(): Promise<string> {
      return 'by the process-wide manager'
    }
  }
  return Users
}
