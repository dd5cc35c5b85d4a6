import type { RedisReply } from '../../clients/redis/port.ts'
import { atEndOfTick } from './end-of-tick.ts'

/** How a queue asks the server. `T` is what is found for a key. */
export interface ReadSource<T> {
  /** Keys of one group, a small number, may be asked in one command. */
  groupOf(key: string): number
  /** One reply a key, in order. */
  ask(keys: readonly string[], group: number): Promise<readonly RedisReply[]>
  /** What is stored, or undefined when that is no use; called once for each key. */
  accept(reply: RedisReply, key: string): T | undefined
}

/** How many keys one command takes at most: the server answers nobody else meanwhile. */
const mostKeys = 128

/**
 * Collects the reads of one tick, whoever makes them, and asks for all of them together, each key once.
 *
 * A caller gets the results for its own keys, and fails when a command that one of them was in fails.
 */
export class ReadQueue<T> {
  readonly #source: ReadSource<T>
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
    if (this.#waiting.length === 0) atEndOfTick(() => this.#send())
    return new Promise<readonly (R | undefined)[]>((resolve, reject) => {
      const results: (R | undefined)[] = Array.from({ length: keys.length })
      const settle = (value: T | undefined, index: number): void => {
        results[index] = value === undefined ? undefined : use(value, index)
      }
      this.#waiting.push({ keys, left: keys.length, settle, resolve: () => resolve(results), reject })
    })
  }

  #send(): void {
    const reads = this.#waiting
    this.#waiting = []
    for (const command of commandsFor(reads, this.#source)) void this.#ask(command)
  }

  async #ask(command: ReadCommand<T>): Promise<void> {
    try {
      const replies = await this.#source.ask(command.keys, command.group)
      for (const [position, key] of command.keys.entries()) {
        const value = this.#source.accept(replies[position] ?? null, key)
        for (let asker = command.askers[position]; asker !== undefined; asker = asker.next) answer(asker, value)
      }
    } catch (error) {
      for (const asker of command.askers) {
        for (let each: Asker<T> | undefined = asker; each !== undefined; each = each.next) each.read.reject(error)
      }
    }
  }
}

/** A call and what it still waits for. */
interface Read<T> {
  readonly keys: readonly string[]
  left: number
  settle(value: T | undefined, index: number): void
  resolve(): void
  reject(error: unknown): void
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

/** What a caller does with its bytes may fail; that is its own failure, and no other's. */
function answer<T>({ read, index }: Asker<T>, value: T | undefined): void {
  try {
    read.settle(value, index)
    read.left--
    if (read.left === 0) read.resolve()
  } catch (error) {
    read.reject(error)
  }
}
