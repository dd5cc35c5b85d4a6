import type { Cache, CacheManager } from '../contract/cache.ts'
import { claimsNamespace } from './internal-namespaces.ts'

interface Claim {
  readonly owner: string
}

/**
 * Who does what is to be done once across the fleet. A claim is an ordinary entry that one process at a time may load, so
 * the lease of its key decides; it lives shortly, and who holds it prolongs it.
 */
export class Claims {
  readonly #cache: Cache<Claim>
  readonly #owner: string
  readonly #ttlMs: number

  constructor(manager: CacheManager, { owner, ttlMs }: { readonly owner: string; readonly ttlMs: number }) {
    this.#cache = manager.namespace<Claim>(claimsNamespace)
    this.#owner = owner
    this.#ttlMs = ttlMs
  }

  /** Whether it is this process that holds the claim, as before or from now on. */
  async take(name: string): Promise<boolean> {
    const mine: Claim = { owner: this.#owner }
    return ownerOf(await this.#cache.getOrSet(`claim:${name}`, () => mine, { ttl: this.#ttlMs })) === this.#owner
  }

  /** Prolongs the claim. False when another process holds it now. */
  async renew(name: string): Promise<boolean> {
    if (!(await this.take(name))) return false
    await this.#cache.touch(`claim:${name}`, this.#ttlMs)
    return true
  }

  /** Lets the next one in. */
  async release(name: string): Promise<void> {
    if (ownerOf(await this.#cache.get(`claim:${name}`)) === this.#owner) await this.#cache.delete(`claim:${name}`)
  }

  async isDone(name: string): Promise<boolean> {
    return (await this.#cache.get(`done:${name}`)) !== undefined
  }

  async markDone(name: string, forMs: number): Promise<void> {
    await this.#cache.set(`done:${name}`, { owner: this.#owner }, { ttl: forMs })
  }
}

function ownerOf(claim: unknown): unknown {
  return typeof claim === 'object' && claim !== null ? (claim as Partial<Claim>).owner : undefined
}
