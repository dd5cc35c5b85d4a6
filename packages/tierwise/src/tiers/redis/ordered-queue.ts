import { atEndOfTick } from './end-of-tick.ts'

/** What is done to one key. */
export interface Queued {
  readonly key: string
  /** Those of one group, a small number, may be sent in one command. */
  readonly group: number
  /** What makes the command large. */
  readonly bytes?: Uint8Array
}

/** Does the work of one group in order; one reply an item, an `Error` for one that failed by itself. */
export type Sender<I, O> = (items: readonly I[]) => Promise<readonly (O | Error)[]>

/**
 * The server answers nobody else while it runs a script, so a command is kept small; and while it works on the second of
 * two commands, the answers of the first are taken in here, and what comes next is made.
 */
const mostItems = 32
const mostBytes = 2 ** 20

/**
 * Collects what is done to keys in one tick, whoever does it, and sends it together.
 *
 * What is done to one key stays in order: an item waits while an earlier one of its key is in another command that has not
 * been answered, because commands may overtake each other (several connections, a redirection, a script that has to be
 * sent again).
 */
export class OrderedQueue<I extends Queued, O> {
  readonly #send: Sender<I, O>
  /** In which command a key is under way. */
  readonly #busy = new Map<string, Command<I, O>>()
  readonly #underWay = new Set<Promise<void>>()
  #waiting: Pending<I, O>[] = []
  #isScheduled = false

  constructor(send: Sender<I, O>) {
    this.#send = send
  }

  /** One reply an item, in order. Rejects when one of them failed. */
  add(items: readonly I[]): Promise<readonly O[]> {
    if (items.length === 0) return Promise.resolve([])
    this.#schedule()
    return new Promise((resolve, reject) => {
      const call: Call<O> = { replies: [], left: items.length, resolve, reject }
      for (let index = 0; index < items.length; index++) this.#waiting.push({ item: items[index]!, index, call })
    })
  }

  /** Resolves when everything that was added has been answered. */
  async drain(): Promise<void> {
    while (this.#waiting.length > 0 || this.#underWay.size > 0) {
      this.#sendWaiting()
      await Promise.all(this.#underWay)
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    atEndOfTick(() => {
      this.#isScheduled = false
      this.#sendWaiting()
    })
  }

  #sendWaiting(): void {
    for (const command of this.#takeCommands()) {
      const work = this.#run(command).finally(() => {
        this.#underWay.delete(work)
        for (const { item } of command.pending) this.#busy.delete(item.key)
        if (this.#waiting.length > 0) this.#schedule()
      })
      this.#underWay.add(work)
    }
  }

  #takeCommands(): readonly Command<I, O>[] {
    const commands: Command<I, O>[] = []
    const open: (Command<I, O> | undefined)[] = []
    const held: Pending<I, O>[] = []
    for (const pending of this.#waiting) {
      const { key, group, bytes } = pending.item
      const size = bytes?.length ?? 0
      let command = open[group]
      if (command === undefined || !hasRoom(command, size)) {
        command = { pending: [], bytes: 0 }
        open[group] = command
      }
      const other = this.#busy.get(key)
      if (other !== undefined && other !== command) {
        held.push(pending)
        continue
      }
      if (command.pending.length === 0) commands.push(command)
      command.pending.push(pending)
      command.bytes += size
      this.#busy.set(key, command)
    }
    this.#waiting = held
    return commands
  }

  async #run({ pending }: Command<I, O>): Promise<void> {
    try {
      const replies = await this.#send(pending.map(({ item }) => item))
      for (let position = 0; position < pending.length; position++) {
        const { call, index } = pending[position]!
        const reply = replies[position] ?? new Error('The server has answered less than it was asked')
        if (reply instanceof Error) call.reject(reply)
        else settle(call, index, reply)
      }
    } catch (error) {
      for (const { call } of pending) call.reject(error)
    }
  }
}

interface Call<O> {
  readonly replies: O[]
  left: number
  resolve(replies: readonly O[]): void
  reject(error: unknown): void
}

interface Pending<I, O> {
  readonly item: I
  /** Its place in the call. */
  readonly index: number
  readonly call: Call<O>
}

interface Command<I, O> {
  readonly pending: Pending<I, O>[]
  bytes: number
}

function hasRoom<I, O>(command: Command<I, O>, bytes: number): boolean {
  if (command.pending.length === 0) return true
  return command.pending.length < mostItems && command.bytes + bytes <= mostBytes
}

function settle<O>(call: Call<O>, index: number, reply: O): void {
  call.replies[index] = reply
  call.left--
  if (call.left === 0) call.resolve(call.replies)
}
