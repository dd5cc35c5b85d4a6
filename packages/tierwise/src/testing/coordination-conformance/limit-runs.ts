import assert from 'node:assert/strict'

import type { LimitRule } from '../../contract/coordination.ts'
import { giveBack, judge, peek, type LimitState } from '../../coordination/limit-rules.ts'
import type { SeededRandom } from '../seeded-random.ts'
import type { CoordinationSession } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

const kinds: readonly LimitRule['kind'][] = ['bucket', 'fixed-window', 'sliding-window']

/** Random requests, answered by a store and by the rule, which takes the time from the answer: so both have to agree exactly. */
export function limitRunTests({ test }: CoordinationSuite): void {
  for (const kind of kinds) {
    test(`answers random requests as the rule does: ${kind}`, async (session) => {
      const runs = session.hasOwnClock ? 40 : 6
      for (let run = 0; run < runs; run++) await new Run(session, `run ${run}`, kind).go()
    })
  }
}

/** A key, its rule, and what the rule says of it so far. */
class Run {
  readonly #session: CoordinationSession
  readonly #key: string
  readonly #rule: LimitRule
  #state: LimitState | undefined
  #taken: { readonly units: number; readonly at: number } | undefined

  constructor(session: CoordinationSession, key: string, kind: LimitRule['kind']) {
    this.#session = session
    this.#key = key
    this.#rule = ruleOf(session.random, kind)
  }

  async go(): Promise<void> {
    const { random } = this.#session
    for (let step = 0; step < 40; step++) {
      await this.#pause()
      await this.#ask(`step ${step}`)
      if (random.int(6) === 0) await this.#giveBack()
    }
  }

  async #ask(step: string): Promise<void> {
    const { random, handles } = this.#session
    const [cost, isPeek] = [1 + random.int(4), random.int(4) === 0]
    const actual = await random.pick(handles).take(this.#key, this.#rule, { cost, isPeek })
    const request = { now: actual.at, cost }
    const { answer, state } = judge(this.#rule, this.#state, request)
    const expected = isPeek ? peek(this.#rule, this.#state, request) : answer
    const what = { seed: random.seed, key: this.#key, step, rule: this.#rule, cost, isPeek }
    assert.deepEqual(actual, expected, `${JSON.stringify(what)}: ${JSON.stringify({ actual, expected })}`)
    if (isPeek || !answer.allowed) return
    this.#state = state
    this.#taken = { units: cost, at: actual.at }
  }

  /** Right after the request, so where the clock stands still it is that of the answer. */
  async #giveBack(): Promise<void> {
    const { random, handles, hasOwnClock } = this.#session
    if (this.#taken === undefined || this.#state === undefined) return
    // On real time nobody knows what a bucket has been filled with until units come back.
    if (this.#rule.kind === 'bucket' && !hasOwnClock) return
    const { at } = this.#taken
    const units = 1 + random.int(this.#taken.units)
    const peeked = await random.pick(handles).take(this.#key, this.#rule, { cost: 1, isPeek: true })
    await random.pick(handles).giveBack(this.#key, this.#rule, { units, at })
    this.#state = giveBack(this.#rule, this.#state, { units, at, now: peeked.at })
    this.#taken = undefined
  }

  async #pause(): Promise<void> {
    const { random, hasOwnClock } = this.#session
    const { periodMs, limit } = this.#rule
    if (!hasOwnClock) return random.int(12) === 0 ? this.#session.pass(random.int(20)) : undefined
    const pauses = [0, 0, random.int(4), random.int(Math.ceil(periodMs / limit) + 2), random.int(2 * periodMs)]
    const ms = random.pick(pauses)
    if (ms > 0) await this.#session.pass(ms)
  }
}

function ruleOf(random: SeededRandom, kind: LimitRule['kind']): LimitRule {
  const count = (): number => 1 + random.int(12)
  const periodMs = random.pick([1, 7, 60, 1000, 20_000])
  return kind === 'bucket' ? { kind, capacity: count(), limit: count(), periodMs } : { kind, limit: count(), periodMs }
}
