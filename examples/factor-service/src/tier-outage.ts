import type { TagStore, Tier, TierDefinition } from 'tierwise'

/** Takes a tier away for a while: calls reach it, and none is answered before the outage is over. */
export class TierOutage {
  #over: Promise<void> | undefined
  #end: () => void = () => undefined

  begin(): void {
    this.#over ??= new Promise((resolve) => {
      this.#end = resolve
    })
  }

  end(): void {
    this.#end()
    this.#over = undefined
  }

  /** The tier as it is seen from here. */
  wrap(definition: TierDefinition): TierDefinition {
    return {
      ...definition,
      create: (context) => {
        const tier = definition.create(context)
        return tier.sync ? tier : this.#behind(tier)
      },
    }
  }

  #behind(tier: Tier): Tier {
    const { capabilities, tags, raw } = tier
    return {
      sync: false,
      capabilities,
      ...(tags === undefined ? {} : { tags: this.#tagsBehind(tags) }),
      ...(raw === undefined ? {} : { raw }),
      get clockOffsetMs() {
        return tier.clockOffsetMs
      },
      open: () => this.#answer(() => tier.open()),
      close: () => tier.close(),
      get: (keys, decode) => this.#answer(() => tier.get(keys, decode)),
      set: (records) => this.#answer(() => tier.set(records)),
      delete: (keys, version) => this.#answer(() => tier.delete(keys, version)),
      scan: (prefix, decode) => tier.scan(prefix, decode),
      clear: (prefix, version) => this.#answer(() => tier.clear(prefix, version)),
      usage: () => this.#answer(() => tier.usage()),
    }
  }

  #tagsBehind(tags: TagStore): TagStore {
    return {
      load: (after) => this.#answer(() => tags.load(after)),
      invalidate: (names, atLeast) => this.#answer(() => tags.invalidate(names, atLeast)),
    }
  }

  /** Asks at once while there is no outage: calls of one tick travel together. */
  #answer<T>(ask: () => Promise<T>): Promise<T> {
    return this.#over === undefined ? ask() : this.#over.then(ask)
  }
}
