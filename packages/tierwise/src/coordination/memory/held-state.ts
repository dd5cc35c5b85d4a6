import type { LimitState } from '../limit-rules.ts'

/** Who waits for a tenure, and until when they are in the line. */
export interface Waiter {
  readonly owner: string
  readonly until: number
}

/** What a key holds; `endsAt` is epoch milliseconds, `Infinity` for never. */
export type HeldState =
  | { readonly kind: 'text'; value: string; endsAt: number }
  | { readonly kind: 'set'; readonly members: Map<string, number>; endsAt: number }
  | { readonly kind: 'fields'; readonly fields: Map<string, string>; endsAt: number }
  | { readonly kind: 'ranked'; readonly scores: Map<string, number>; endsAt: number }
  | {
      readonly kind: 'tenure'
      fence: number
      owner: string | undefined
      until: number
      line: readonly Waiter[]
      endsAt: number
    }
  | { readonly kind: 'limit'; state: LimitState; endsAt: number }

/** The kinds of state. */
export type HeldKind = HeldState['kind']
/** The state of a kind. */
export type StateOf<K extends HeldKind> = Extract<HeldState, { readonly kind: K }>
