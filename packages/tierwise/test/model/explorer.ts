import { compileStateCode, type StateCode } from './state-code.ts'

/** A protocol as a set of small steps. A state is made of objects, arrays and small numbers only. */
export interface Model<S extends object> {
  readonly initial: S
  /** Calls `take` once for each step that is possible in `state`, which it must not change. */
  steps(state: S, take: Take<S>): void
  /** The promise that `state` breaks, if any. */
  flaw(state: S): string | undefined
  /** Whether everybody has come to an end. A model that never rests proves nothing. */
  isRest(state: S): boolean
}

/** Does one step: `change` works on a copy of the state and may return the promise that the step itself breaks. */
export type Take<S> = (label: string, change: (next: S) => string | void) => void

/** How a promise is broken: the shortest way there. */
export interface Flaw {
  readonly promise: string
  readonly trace: readonly string[]
}

export interface Exploration {
  readonly states: number
  readonly rests: number
  readonly flaw?: Flaw
}

interface Visit<S> {
  readonly state: S
  readonly index: number
}

/**
 * Visits every state that can be reached, nearest first, and stops at the first broken promise. Throws when there are
 * more than `limit` states, because a proof that was cut short is none.
 */
export function explore<S extends object>(model: Model<S>, limit = 400_000): Exploration {
  const visits = new Visits()
  const code = compileStateCode(model.initial)
  let rests = 0
  let broken: Flaw | undefined
  let frontier: Visit<S>[] = []

  const arrive = (state: S, from: number, into: Visit<S>[]): void => {
    const index = visits.add(code.encode(state), from)
    if (index === undefined) return
    if (visits.count > limit) throw new Error(`more than ${limit} states`)
    if (model.isRest(state)) rests++
    const promise = model.flaw(state)
    if (promise !== undefined && !broken) broken = { promise, trace: retrace(model, code, visits.pathTo(index)) }
    into.push({ state, index })
  }

  arrive(model.initial, -1, frontier)
  while (frontier.length > 0 && !broken) {
    const following: Visit<S>[] = []
    for (const { state, index } of frontier) {
      if (broken) break
      model.steps(state, (label, change) => {
        if (broken) return
        const next = code.copy(state)
        const promise = change(next)
        if (promise) broken = { promise, trace: [...retrace(model, code, visits.pathTo(index)), label] }
        else arrive(next, index, following)
      })
    }
    frontier = following
  }
  return broken ? { states: visits.count, rests, flaw: broken } : { states: visits.count, rests }
}

/** The codes of all visited states, each with the visit it was reached from. */
class Visits {
  readonly #indexes = new Map<string, number>()
  readonly #codes: string[] = []
  readonly #origins: number[] = []

  get count(): number {
    return this.#codes.length
  }

  /** The index of a state that was not known yet. */
  add(code: string, from: number): number | undefined {
    if (this.#indexes.has(code)) return undefined
    const index = this.#codes.length
    this.#indexes.set(code, index)
    this.#codes.push(code)
    this.#origins.push(from)
    return index
  }

  pathTo(index: number): string[] {
    const path: string[] = []
    for (let at = index; at >= 0; at = this.#origins[at]!) path.push(this.#codes[at]!)
    return path.reverse()
  }
}

/** Labels are not kept while exploring; the way to a state is walked again to collect them. */
function retrace<S extends object>(model: Model<S>, code: StateCode<S>, path: readonly string[]): string[] {
  const labels: string[] = []
  let state = model.initial
  for (const reached of path.slice(1)) {
    let following: S | undefined
    model.steps(state, (label, change) => {
      if (following) return
      const next = code.copy(state)
      if (change(next) || code.encode(next) !== reached) return
      following = next
      labels.push(label)
    })
    if (!following) throw new Error('a model must offer the same steps each time')
    state = following
  }
  return labels
}
