import type { Clock } from '../../contract/runtime.ts'

/** How long after it was last seen a lane is taken to be torn. */
const tornMs = 1000

/** A command that may be cut into commands of one item each. */
export interface DivisibleCommand<I, O> {
  readonly items: readonly I[]
  /** The key of an item: commands of one key stay in order. */
  readonly nameOf: (item: I) => string
  /** One result an item. */
  readonly send: (items: readonly I[]) => Promise<readonly O[]>
}

/**
 * Lanes whose slot is on its way to another node. Some of its keys are here and some there, and the cluster refuses
 * commands with several keys (TRYAGAIN); a command with one key is sent to where that key is. Clients try again for a
 * while before they pass the refusal on, so a lane that was found torn is spared that until it is whole again.
 */
export class TornLanes {
  readonly #clock: Clock
  readonly #until = new Map<number, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async send<I, O>(lane: number, command: DivisibleCommand<I, O>): Promise<readonly O[]> {
    if (command.items.length < 2) return command.send(command.items)
    if (!this.#isTorn(lane)) {
      try {
        return await command.send(command.items)
      } catch (error) {
        if (!isTornReply(error)) throw error
        this.#until.set(lane, this.#clock.now() + tornMs)
      }
    }
    return sendOneByOne(command)
  }

  #isTorn(lane: number): boolean {
    if (this.#until.size === 0) return false
    if ((this.#until.get(lane) ?? 0) > this.#clock.now()) return true
    this.#until.delete(lane)
    return false
  }
}

async function sendOneByOne<I, O>({ items, nameOf, send }: DivisibleCommand<I, O>): Promise<readonly O[]> {
  const latest = new Map<string, Promise<readonly O[]>>()
  const parts = items.map((item) => {
    const name = nameOf(item)
    const before = latest.get(name)
    const part = before === undefined ? send([item]) : before.then(() => send([item]))
    latest.set(name, part)
    return part
  })
  return (await Promise.all(parts)).flat()
}

/** A client that tries again ends where it began, or at a refusal of the other node, and says what it saw last. */
function isTornReply(error: unknown): boolean {
  return error instanceof Error && /\b(?:TRYAGAIN|MOVED|ASK)\b/.test(error.message)
}
