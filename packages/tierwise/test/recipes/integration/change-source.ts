import type { SyncPage, SyncRequest } from '../../../src/recipes/delta-sync.ts'

/** A record that was changed at a time by the clock of its source. */
export interface Change {
  readonly id: string
  readonly at: number
}

/** A system that gives out what has changed at or after a time, in pages in the order of the changes. */
export class ChangeSource {
  readonly #changes: Change[] = []
  readonly #pageSize: number
  readonly asked: number[] = []

  constructor(pageSize = 2) {
    this.#pageSize = pageSize
  }

  change(id: string, at: number): this {
    this.#changes.push({ id, at })
    return this
  }

  readonly fetchSince = async ({ since, cursor }: SyncRequest<number>): Promise<SyncPage<Change, number>> => {
    if (cursor === undefined) this.asked.push(since.getTime())
    const found = this.#changes.filter(({ at }) => at >= since.getTime()).sort((one, other) => one.at - other.at)
    const from = cursor ?? 0
    const end = from + this.#pageSize
    const records = found.slice(from, end)
    return end < found.length ? { records, next: end } : { records }
  }
}

export const markOf = ({ at }: Change): number => at
