import type { ChildProcess } from 'node:child_process'

/** What one side can ask the other: a name, what it takes and what it answers; all of it plain data. */
export type Calls = Record<string, (body: never) => unknown>

/** The end of a channel: a child, or the process of one itself. */
export type Channel = Pick<ChildProcess, 'send' | 'on'> | Pick<NodeJS.Process, 'send' | 'on'>

/** How a side answers what it is asked. */
export type Handlers<C extends Calls> = {
  readonly [K in keyof C]: (body: Parameters<C[K]>[0]) => ReturnType<C[K]> | Promise<ReturnType<C[K]>>
}

type Message =
  | { readonly ask: string; readonly id: number; readonly body: unknown }
  | { readonly answer: number; readonly body: unknown; readonly error?: string }

interface Waiting {
  readonly resolve: (body: unknown) => void
  readonly reject: (error: Error) => void
}

/** Questions and answers between a process and its child, over the channel that `fork` makes. */
export class Wire<Theirs extends Calls> {
  readonly #end: Channel
  readonly #waiting = new Map<number, Waiting>()
  #next = 0
  #isClosed = false

  constructor(end: Channel, handlers: Handlers<Calls>) {
    this.#end = end
    const events: Pick<ChildProcess, 'on'> = end as ChildProcess
    events.on('message', (message: Message) => void this.#receive(message, handlers))
    events.on('disconnect', () => this.close())
  }

  /** Rejects when the other side fails or ends. */
  ask<K extends keyof Theirs & string>(name: K, body: Parameters<Theirs[K]>[0]): Promise<ReturnType<Theirs[K]>> {
    if (this.#isClosed) return Promise.reject(new Error('the other process has ended'))
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject })
      this.#send({ ask: name, id, body })
    })
  }

  close(): void {
    this.#isClosed = true
    for (const { reject } of this.#waiting.values()) reject(new Error('the other process has ended'))
    this.#waiting.clear()
  }

  async #receive(message: Message, handlers: Handlers<Calls>): Promise<void> {
    if ('answer' in message) {
      const waiting = this.#waiting.get(message.answer)
      this.#waiting.delete(message.answer)
      if (message.error === undefined) waiting?.resolve(message.body)
      else waiting?.reject(new Error(message.error))
      return
    }
    try {
      const body = await handlers[message.ask]?.(message.body as never)
      this.#send({ answer: message.id, body })
    } catch (error) {
      this.#send({ answer: message.id, body: undefined, error: String((error as Error).stack ?? error) })
    }
  }

  #send(message: Message): void {
    if (this.#isClosed) return
    this.#end.send?.(message)
  }
}
