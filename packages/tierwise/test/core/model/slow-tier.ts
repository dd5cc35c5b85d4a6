import type { Decode, Tier, TierDefinition, TierRecord } from '../../../src/contract/tier.ts'

/** Where a call waits: before the store does its work, or after it with the reply in hand. */
export type Pause = (operation: 'get' | 'set' | 'delete' | 'clear', at: 'request' | 'reply') => Promise<void>

/**
 * A byte tier whose requests and replies travel: between the moment the store does its work and the moment the caller
 * hears of it, other calls overtake. Without the second half a race between a reply and a change cannot be forced.
 */
export function slowTier(inner: TierDefinition, pauseFor: (name: string) => Pause): TierDefinition {
  return {
    ...inner,
    create: (context) => {
      const tier = inner.create(context)
      if (tier.sync) throw new Error('Only byte tiers travel')
      return travelling(tier, pauseFor(inner.name))
    },
  }
}

function travelling(tier: Tier, pause: Pause): Tier {
  const travel = async <T>(operation: Parameters<Pause>[0], work: () => Promise<T>): Promise<T> => {
    await pause(operation, 'request')
    const result = await work()
    await pause(operation, 'reply')
    return result
  }
  return {
    sync: false,
    capabilities: tier.capabilities,
    ...(tier.tags === undefined ? {} : { tags: tier.tags }),
    open: () => tier.open(),
    close: () => tier.close(),
    get: <T>(keys: readonly string[], decode: Decode<T>) => travel('get', () => tier.get(keys, decode)),
    set: (records: readonly TierRecord[]) => travel('set', () => tier.set(records)),
    delete: (keys, version) => travel('delete', () => tier.delete(keys, version)),
    scan: (prefix, decode) => tier.scan(prefix, decode),
    clear: (prefix, version) => travel('clear', () => tier.clear(prefix, version)),
    usage: () => tier.usage(),
  }
}

/** Holds chosen calls until it is told to let them go. */
export class Gate {
  readonly #held: (() => void)[] = []
  #wanted: { tier: string; operation: string; at: string } | undefined

  /** The next such call stops here. */
  holdNext(tier: string, operation: Parameters<Pause>[0], at: 'request' | 'reply'): void {
    this.#wanted = { tier, operation, at }
  }

  get holds(): number {
    return this.#held.length
  }

  release(): void {
    this.#wanted = undefined
    for (const goOn of this.#held.splice(0)) goOn()
  }

  readonly pauseFor = (tier: string): Pause => {
    return (operation, at) => {
      const wanted = this.#wanted
      if (wanted?.tier !== tier || wanted.operation !== operation || wanted.at !== at) return Promise.resolve()
      this.#wanted = undefined
      return new Promise<void>((resolve) => this.#held.push(resolve))
    }
  }
}
