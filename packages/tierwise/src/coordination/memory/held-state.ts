import type { LimitState } from '../limit-rules.ts'
import type { EndingSet } from './ending-set.ts'
import type { RankedList } from './ranked-list.ts'

/** Who waits for a tenure, and until when they are in the line. */
export interface Waiter {
  readonly owner: string
  readonly until: number
}

/** What a key holds; `endsAt` is epoch milliseconds, `Infinity` for never. */
export type HeldState =
  | { readonly kind: 'text'; readonly value: string; readonly endsAt: number }
  /** Has ended at `endsAt` at the latest, before when all members have left or ended. */
  | { readonly kind: 'set'; readonly members: EndingSet; readonly endsAt: number }
  | { readonly kind: 'fields'; readonly fields: Map<string, string>; readonly endsAt: number }
  | { readonly kind: 'ranked'; readonly list: RankedList; readonly endsAt: number }
  | {
      readonly kind: 'tenure'
      readonly fence: number
      readonly owner: string | undefined
      readonly until: number
      readonly line: readonly Waiter[]
      readonly endsAt: number
    }
  | { readonly kind: 'limit'; readonly state: LimitState; readonly endsAt: number }

/** The kinds of state. */
export type HeldKind = HeldState['kind']
/** The state of a kind. */
export type StateOf<K extends HeldKind> = Extract<HeldState, { readonly kind: K }>
