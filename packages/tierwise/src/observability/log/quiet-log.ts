import type { Timer, Timers } from '../../contract/runtime.ts'
import type { EventLogger } from './log-events.ts'
import type { LogLevel, LogLine } from './log-line.ts'

interface QuietLogSettings {
  readonly logger: EventLogger
  readonly level: LogLevel
  readonly intervalMs: number
  readonly timers: Timers
}

interface Kind {
  /** Lines since the last one that was written. */
  more: number
  last: LogLine
  timer: Timer
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Kinds that are told apart; beyond that, lines are of one kind for each event. */
const mostKinds = 500

/** Writes the first line of a kind at once, and of the others how many there were. */
export class QuietLog {
  readonly #settings: QuietLogSettings
  readonly #kinds = new Map<string, Kind>()

  constructor(settings: QuietLogSettings) {
    this.#settings = settings
  }

  write(line: LogLine): void {
    if (levels.indexOf(line.level) < levels.indexOf(this.#settings.level)) return
    const isKnown = this.#kinds.has(line.kind) || this.#kinds.size < mostKinds
    const name = isKnown ? line.kind : String(line.fields['event'])
    const kind = this.#kinds.get(name)
    if (kind !== undefined) {
      kind.more++
      kind.last = line
      return
    }
    this.#kinds.set(name, { more: 0, last: line, timer: this.#wait(name) })
    this.#settings.logger[line.level](line.fields, line.message)
  }

  /** Writes what was held back. */
  close(): void {
    for (const kind of this.#kinds.values()) {
      kind.timer.cancel()
      this.#sumUp(kind)
    }
    this.#kinds.clear()
  }

  #wait(name: string): Timer {
    return this.#settings.timers.after(this.#settings.intervalMs, () => {
      const kind = this.#kinds.get(name)
      if (kind === undefined) return
      if (kind.more === 0) {
        this.#kinds.delete(name)
        return
      }
      this.#sumUp(kind)
      kind.timer = this.#wait(name)
    })
  }

  #sumUp(kind: Kind): void {
    const { more, last } = kind
    if (more === 0) return
    kind.more = 0
    this.#settings.logger[last.level]({ ...last.fields, count: more }, `${last.message}, ${more} times more`)
  }
}
