import type { CoordinationStore } from '../../../src/contract/coordination.ts'
import { TierError } from '../../../src/errors.ts'

/** How a store is at the moment. */
export type StoreMood = 'answers' | 'fails' | 'is silent'

/** A store that can be made to fail, or to say nothing at all, and what was asked of it. */
export interface SwitchableStore {
  readonly store: CoordinationStore
  readonly asked: string[]
  mood: StoreMood
}

export function switchableStore(inner: CoordinationStore): SwitchableStore {
  const switchable: SwitchableStore = { store: inner, asked: [], mood: 'answers' }
  const store = new Proxy(inner, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function' || typeof name !== 'string') return member
      // What is inside is shared; who made it closes it.
      if (name === 'close') return () => Promise.resolve()
      return async (...args: unknown[]) => {
        switchable.asked.push(name)
        if (switchable.mood === 'is silent') return new Promise(() => {})
        if (switchable.mood === 'fails')
          throw new TierError('The store is down.', {
            code: 'ERR_CACHE_TIER_WRITE',
            tier: 'test',
            operation: name,
            retryable: true,
          })
        return Reflect.apply(member, target, args)
      }
    },
  })
  return Object.assign(switchable, { store })
}
