import type { LimitAnswer, LimitRule } from '../../contract/coordination.ts'
import { giveBack, judge, peek, type TakenUnits } from '../limit-rules.ts'
import type { HeldStates } from './held-states.ts'

/** How often something may be done. */
export class Limits {
  readonly #states: HeldStates

  constructor(states: HeldStates) {
    this.#states = states
  }

  take(
    key: string,
    rule: LimitRule,
    { cost, isPeek = false }: { readonly cost: number; readonly isPeek?: boolean },
  ): LimitAnswer {
    const before = this.#states.get(key, 'limit', 'take')?.state
    const request = { now: this.#states.now, cost }
    if (isPeek) return peek(rule, before, request)
    const { answer, state, endsAt } = judge(rule, before, request)
    if (answer.allowed && state !== undefined) this.#states.put(key, { kind: 'limit', state, endsAt }, 'take')
    return answer
  }

  giveBack(key: string, rule: LimitRule, taken: TakenUnits): void {
    const held = this.#states.get(key, 'limit', 'giveBack')
    if (held === undefined) return
    const { now } = this.#states
    const state = giveBack(rule, held.state, { ...taken, now })
    if (state !== held.state) this.#states.put(key, { ...held, state }, 'giveBack')
  }
}
