import type { Buffer } from 'node:buffer'
import { atEndOfTick } from './end-of-tick.ts'

/** One change of one key. */
export interface Write {
  readonly key: string
  readonly group: number
  /** The change is made only if nothing held is newer than this version. */
  readonly limit: number
  /** Milliseconds; `Infinity` for never ending. */
  readonly lifeMs: number
  /** With head. */
  readonly bytes: Buffer
}

/** What became of a write: something newer is held, written, written over a live record, or the key is of another type. */
export type WriteReply = 'superseded' | 'written' | 'replaced' | 'foreign'

/** Makes the writes of one group in order; one reply a write, an `Error` for one that failed by itself. */
export type WriteSender = (writes: readonly Write[]) => Promise<readonly (WriteReply | Error)[]>

/**
 * The server answers nobody else while it runs a script, so a command is kept small; and while it works on the second of
 * two commands, the answers of the first are taken in here, and the next writes are made.
 */
const mostWrites = 32
const mostBytes = 2 ** 20

/**
 * Collects the writes and deletions of one tick, whoever makes them, and sends them together.
 *
 * The writes of one key stay in order: a write waits while an earlier one of its key is in another command that has not
 * been answered, because commands may overtake each other (several connections, a redirection, a script that has to be
 * sent again).
 */
export class WriteQueue {
  readonly #send: WriteSender
  /** In which command a key is under way. */
  readonly #busy = new Map<string, WriteCommand>()
  readonly #underWay = new Set<Promise<void>>()
  #waiting: Pending[] = []
  #isScheduled = false

  constructor(send: WriteSender) {
    this.#send = send
  }

  /** One reply a write, in order. Rejects when one of them failed. */
  add(writes: readonly Write[]): Promise<readonly WriteReply[]> {
    if (writes.length === 0) return Promise.resolve([])
    this.#schedule()
    return new Promise((resolve, reject) => {
      const call: Call = { replies: [], left: writes.length, resolve, reject }
      for (let index = 0; index < writes.length; index++) this.#waiting.push({ write: writes[index]!, index, call })
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
        for (const { write } of command.pending) this.#busy.delete(write.key)
        if (this.#waiting.length > 0) this.#schedule()
      })
      this.#underWay.add(work)
    }
  }

  #takeCommands(): readonly WriteCommand[] {
    const commands: WriteCommand[] = []
    const open: (WriteCommand | undefined)[] = []
    const held: Pending[] = []
    for (const pending of this.#waiting) {
      const { key, group, bytes } = pending.write
      let command = open[group]
      if (command === undefined || !hasRoom(command, bytes.length)) {
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
      command.bytes += bytes.length
      this.#busy.set(key, command)
    }
    this.#waiting = held
    return commands
  }

  async #run({ pending }: WriteCommand): Promise<void> {
    try {
      const replies = await this.#send(pending.map(({ write }) => write))
      for (let position = 0; position < pending.length; position++) {
        const { call, index } = pending[position]!
        const reply = replies[position] ?? new Error('The server has answered fewer writes than it was sent')
        if (reply instanceof Error) call.reject(reply)
        else settle(call, index, reply)
      }
    } catch (error) {
      for (const { call } of pending) call.reject(error)
    }
  }
}

interface Call {
  readonly replies: WriteReply[]
  left: number
  resolve(replies: readonly WriteReply[]): void
  reject(error: unknown): void
}

interface Pending {
  readonly write: Write
  /** Its place in the call. */
  readonly index: number
  readonly call: Call
}

interface WriteCommand {
  readonly pending: Pending[]
  bytes: number
}

function hasRoom(command: WriteCommand, bytes: number): boolean {
  if (command.pending.length === 0) return true
  return command.pending.length < mostWrites && command.bytes + bytes <= mostBytes
}

function settle(call: Call, index: number, reply: WriteReply): void {
  call.replies[index] = reply
  call.left--
  if (call.left === 0) call.resolve(call.replies)
}
