import type { RedisReply } from '../../clients/redis/port.ts'
import { atEndOfTick } from './end-of-tick.ts'

/** How a queue asks the server. `T` is what is found for a key. */
export interface ReadSource<T> {
  /** Keys of one group, a small number, may be asked in one command. */
  groupOf(key: string): number
  /** One reply a key, in order. */
  ask(keys: readonly string[], group: number): Promise<readonly RedisReply[]>
  /** What is stored, or undefined when that is no use; called once for each key, at an instant. */
  accept(reply: RedisReply, key: string, now: number): T | undefined
  now(): number
}

/**
 * How many keys one command takes at most. The server answers nobody else meanwhile; and while it works on the second of
 * two commands, the answers of the first are taken in here.
 */
const mostKeys = 128

/**
 * Collects the reads of one tick, whoever makes them, and asks for all of them together, each key once.
 *
 * A caller gets the results for its own keys, and fails when a command that one of them was in fails.
 */
export class ReadQueue<T> {
  readonly #source: ReadSource<T>
  readonly #send = (): void => {
    const reads = this.#waiting
    this.#waiting = []
    for (const command of commandsFor(reads, this.#source)) {
      const work: Promise<unknown> = this.#ask(command).then(() => this.#underWay.delete(work))
      this.#underWay.add(work)
    }
  }
  readonly #underWay = new Set<Promise<unknown>>()
  #waiting: Read<T>[] = []

  constructor(source: ReadSource<T>) {
    this.#source = source
  }

  /** What `use` makes of each key's value, in order; undefined where there is none. */
  get<R>(
    keys: readonly string[],
    use: (value: T, index: number) => R | undefined,
  ): Promise<readonly (R | undefined)[]> {
    if (keys.length === 0) return Promise.resolve([])
    if (this.#waiting.length === 0) atEndOfTick(this.#send)
    return new Promise<readonly unknown[]>((resolve, reject) => {
      this.#waiting.push(new Read<T>(keys, use, { resolve, reject }))
    }) as Promise<readonly (R | undefined)[]>
  }

  /** Resolves when everything that was asked for has been answered. */
  async drain(): Promise<void> {
    while (this.#waiting.length > 0 || this.#underWay.size > 0) {
      this.#send()
      await Promise.all(this.#underWay)
    }
  }

  async #ask({ keys, askers, group }: ReadCommand<T>): Promise<void> {
    try {
      const replies = await this.#source.ask(keys, group)
      const now = this.#source.now()
      for (let position = 0; position < keys.length; position++) {
        const value = this.#source.accept(replies[position] ?? null, keys[position] ?? '', now)
        for (let asker = askers[position]; asker !== undefined; asker = asker.next)
          asker.read.settle(value, asker.index)
      }
    } catch (error) {
      for (const first of askers) {
        for (let asker: Asker<T> | undefined = first; asker !== undefined; asker = asker.next) asker.read.reject(error)
      }
    }
  }
}

interface Settling {
  readonly resolve: (results: readonly unknown[]) => void
  readonly reject: (error: unknown) => void
}

/** A call and what it still waits for. Closures would cost more than the work: there is one of these for each call. */
class Read<T> {
  readonly keys: readonly string[]
  readonly #use: (value: T, index: number) => unknown
  readonly #settling: Settling
  readonly #results: unknown[]
  #left: number

  constructor(keys: readonly string[], use: (value: T, index: number) => unknown, settling: Settling) {
    this.keys = keys
    this.#use = use
    this.#settling = settling
    this.#left = keys.length
    this.#results = keys.length === 1 ? [undefined] : keys.map(() => undefined)
  }

  /** What the caller does with its bytes may fail; that is its own failure, and no other's. */
  settle(value: T | undefined, index: number): void {
    try {
      if (value !== undefined) this.#results[index] = this.#use(value, index)
      this.#left--
      if (this.#left === 0) this.#settling.resolve(this.#results)
    } catch (error) {
      this.reject(error)
    }
  }

  reject(error: unknown): void {
    this.#settling.reject(error)
  }
}

/** Which result of which call a key is for, and who else asked for it. */
interface Asker<T> {
  readonly read: Read<T>
  readonly index: number
  next: Asker<T> | undefined
}

interface ReadCommand<T> {
  readonly group: number
  readonly keys: string[]
  /** For each key. */
  readonly askers: Asker<T>[]
}

/** One command for each group, several where a group has many keys. */
function commandsFor<T>(reads: readonly Read<T>[], source: ReadSource<T>): readonly ReadCommand<T>[] {
  const commands: ReadCommand<T>[] = []
  const open: (ReadCommand<T> | undefined)[] = []
  const asked = new Map<string, Asker<T>>()
  for (const read of reads) {
    for (let index = 0; index < read.keys.length; index++) {
      const key = read.keys[index] ?? ''
      const asker: Asker<T> = { read, index, next: undefined }
      const first = asked.get(key)
      if (first !== undefined) {
        asker.next = first.next
        first.next = asker
        continue
      }
      asked.set(key, asker)
      const group = source.groupOf(key)
      let command = open[group]
      if (command === undefined || command.keys.length === mostKeys) {
        command = { group, keys: [], askers: [] }
        open[group] = command
        commands.push(command)
      }
      command.keys.push(key)
      command.askers.push(asker)
    }
  }
  return commands
}
