import type { LoggedChange } from './state.ts'

/** What a store tells its subscribers. Only changes are counted and can be missed. */
export type Message =
  | ({ readonly kind: 'changes'; readonly lane: number } & LoggedChange)
  | { readonly kind: 'arrived'; readonly key: string }
  | { readonly kind: 'touched'; readonly keys: readonly string[] }
  /** Asks everybody to write down how far it is. */
  | { readonly kind: 'nudge' }
