import { pageSize, type LanePage } from '../../../../src/tiers/redis/bus/lane-page.ts'
import type { LanePoint } from '../../../../src/tiers/redis/bus/lane-state.ts'
import type { ChangeMessage } from '../../../../src/tiers/redis/bus/message.ts'

/** A change with the instant at which the server made it. */
export interface MadeChange extends ChangeMessage {
  readonly at: number
}

let ids = 0

/** What `emitLua` and the script that reads a lane do, without a server. */
export class FakeLaneServer {
  readonly #now: () => number
  /** Everything that is still part of the server's history. */
  history: MadeChange[] = []
  /** Entries of the log that are gone. */
  trimmed = 0
  #head: LanePoint | undefined
  #start = ''
  fails = false

  constructor(now: () => number) {
    this.#now = now
  }

  get head(): LanePoint | undefined {
    return this.#head
  }

  emit(key = 'k', source = 'other'): MadeChange {
    const sequence = (this.#head?.sequence ?? 0) + 1
    const message: MadeChange = {
      kind: 'changes',
      sequence,
      before: this.#head?.id ?? '',
      id: `id${++ids}`,
      source,
      changes: [{ kind: 'key', operation: 'set', key, version: sequence }],
      at: this.#now(),
    }
    if (this.#head === undefined) this.#start = ''
    this.history.push(message)
    this.#head = message
    return message
  }

  /** The memory is gone. */
  flush(): void {
    this.history = []
    this.trimmed = 0
    this.#head = undefined
  }

  /** The last changes are gone, as after a failover or with an older snapshot. */
  rollBack(count: number): void {
    if (this.#head === undefined) return
    const kept = Math.max(0, this.history.length - count)
    if (kept === this.history.length) return
    const first = this.history[0]!
    this.history.length = kept
    this.trimmed = Math.min(this.trimmed, kept)
    this.#head = this.history[kept - 1] ?? { sequence: first.sequence - 1, id: first.before || this.#start || 'start' }
  }

  trim(left: number): void {
    this.trimmed = Math.max(this.trimmed, this.history.length - left)
  }

  read(from: number | undefined): LanePage {
    if (this.fails) throw new Error('no connection')
    if (this.#head === undefined) {
      this.#start = `id${++ids}`
      this.#head = { sequence: 0, id: this.#start }
    }
    const { sequence, id } = this.#head
    const log = this.history.slice(this.trimmed)
    const messages = from === undefined ? [] : log.filter((entry) => entry.sequence >= from).slice(0, pageSize)
    return { head: { sequence, id }, messages }
  }
}
