import { checkTenant } from './tenant-name.ts'
import { TenantCache } from './tenant-cache.ts'
import type { WholeNamespace } from './tenant-cache.ts'

/**
 * The views of the tenants of a namespace: the same for the same tenant while somebody has it, because it knows the
 * resolved options of its callers, and because a service asks for it at each request. Nothing else holds them, so a
 * process that has served a million tenants keeps those it serves now.
 */
export class TenantViews<V> {
  readonly #whole: WholeNamespace<V>
  readonly #views = new Map<string, WeakRef<TenantCache<V>>>()
  readonly #collected = new FinalizationRegistry<string>((tenant) => {
    // It may have been asked for again since.
    if (this.#views.get(tenant)?.deref() === undefined) this.#views.delete(tenant)
  })

  constructor(whole: WholeNamespace<V>) {
    this.#whole = whole
  }

  get size(): number {
    return this.#views.size
  }

  /** Throws a `ConfigError` for what cannot name a tenant. */
  of(tenant: string): TenantCache<V> {
    const held = this.#views.get(tenant)?.deref()
    if (held !== undefined) return held
    checkTenant(tenant, this.#whole.ns.name)
    const view = new TenantCache<V>(this.#whole, tenant)
    this.#views.set(tenant, new WeakRef(view))
    this.#collected.register(view, tenant)
    return view
  }
}
