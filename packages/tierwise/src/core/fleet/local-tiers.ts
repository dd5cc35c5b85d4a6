import type { BusChange, KeyChange } from '../../contract/bus.ts'
import type { GuardedTier } from '../guard/guarded-tier.ts'
import { Underway } from './underway.ts'

/** A log that is caught up with tells of thousands of changes at once. */
const mostAtOnce = 64

/** Tiers of this process alone, or of its host: they hear of what others have changed only through it. */
export class LocalTiers {
  /** Deletions that they have not taken yet. */
  readonly untaken: Underway = new Underway()
  readonly #tiers: readonly GuardedTier[]
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(tiers: readonly GuardedTier[]) {
    this.#tiers = tiers
  }

  /** Whether something is kept for one of them, because it could not take it. */
  get isOwed(): boolean {
    return this.#tiers.some(({ owed }) => owed > 0)
  }

  /**
   * By version, so that what was stored there since is spared. Takes effect in the order of the calls. `begin` is called
   * for each key, and what it returns once all of them have answered for it.
   */
  tell(changes: readonly BusChange[], begin: (change: KeyChange) => () => void = () => () => undefined): void {
    if (this.#tiers.length === 0) return
    for (const change of changes) {
      if (change.kind === 'tags') continue
      const end = begin(change)
      const told = this.#tiers.map((tier) => {
        const isSource = tier.capabilities.readOnly === true
        const work = (): Promise<unknown> =>
          tier.delete([change.key], prefixOf(change.key), newestWrong(change, isSource))
        // A source takes it within the call, which is what its readers count on.
        return isSource ? work() : this.#inTurn(work)
      })
      this.untaken.follow(Promise.allSettled(told).then(end))
    }
  }

  async #inTurn(work: () => Promise<unknown>): Promise<void> {
    if (this.#running >= mostAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    await work().finally(() => this.#passOn())
  }

  #passOn(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next()
  }
}

/** Another process of this host may have put the very value there that was set. */
function newestWrong({ operation, version }: KeyChange, isSource: boolean): number {
  return operation === 'set' && !isSource ? version - 1 : version
}

/** `tw:1:factors:` of `tw:1:factors:steel`; see `storagePrefix`. */
export function prefixOf(key: string): string {
  const first = key.indexOf(':')
  const second = key.indexOf(':', first + 1)
  return key.slice(0, key.indexOf(':', second + 1) + 1)
}
