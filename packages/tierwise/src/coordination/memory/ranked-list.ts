import type { Scored, ScoreRange } from '../../contract/coordination.ts'

/** A batch of more than this part of the list is not put in or taken out one by one. */
const largeBatch = 1 / 64

/** Members in the order of their scores, those of equal ones by name. A member is found, put in and taken out by halving. */
export class RankedList {
  readonly #scores = new Map<string, number>()
  #sorted: Scored[] = []

  get size(): number {
    return this.#sorted.length
  }

  put(members: readonly Scored[]): void {
    if (members.length > this.size * largeBatch) {
      for (const { member, score } of members) this.#scores.set(member, score)
      this.#sorted = Array.from(this.#scores, ([member, score]) => ({ member, score })).sort(inOrder)
    } else for (const { member, score } of members) this.#putIn(member, score)
  }

  keepHighest(keep: number): void {
    for (const { member } of this.#sorted.splice(0, Math.max(0, this.size - keep))) this.#scores.delete(member)
  }

  range({ min = -Infinity, max = Infinity, limit = Infinity, reverse = false }: ScoreRange): readonly Scored[] {
    const [from, to] = [this.#firstFrom(min), this.#firstAbove(max)]
    const length = Math.max(0, Math.min(limit, to - from))
    const part = reverse ? this.#sorted.slice(to - length, to).reverse() : this.#sorted.slice(from, from + length)
    return part.map(({ member, score }) => ({ member, score }))
  }

  /** How many there were. */
  remove(members: readonly string[]): number {
    const before = this.size
    if (members.length > before * largeBatch) {
      for (const member of members) this.#scores.delete(member)
      this.#sorted = this.#sorted.filter(({ member }) => this.#scores.has(member))
    } else for (const member of members) this.#takeOut(member)
    return before - this.size
  }

  /** How many there were. */
  removeRange(min: number = -Infinity, max: number = Infinity): number {
    const from = this.#firstFrom(min)
    const removed = this.#sorted.splice(from, Math.max(0, this.#firstAbove(max) - from))
    for (const { member } of removed) this.#scores.delete(member)
    return removed.length
  }

  #putIn(member: string, score: number): void {
    this.#takeOut(member)
    this.#scores.set(member, score)
    this.#sorted.splice(this.#place({ member, score }), 0, { member, score })
  }

  #takeOut(member: string): void {
    const score = this.#scores.get(member)
    if (score === undefined) return
    this.#scores.delete(member)
    this.#sorted.splice(this.#place({ member, score }), 1)
  }

  #place(wanted: Scored): number {
    return this.#first((each) => inOrder(each, wanted) >= 0)
  }

  #firstFrom(score: number): number {
    return this.#first((each) => each.score >= score)
  }

  #firstAbove(score: number): number {
    return this.#first((each) => each.score > score)
  }

  /** The first place from which on something holds. */
  #first(holds: (each: Scored) => boolean): number {
    let [low, high] = [0, this.size]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (holds(this.#sorted[middle] as Scored)) high = middle
      else low = middle + 1
    }
    return low
  }
}

function inOrder(one: Scored, other: Scored): number {
  if (one.score !== other.score) return one.score < other.score ? -1 : 1
  if (one.member === other.member) return 0
  return one.member < other.member ? -1 : 1
}
