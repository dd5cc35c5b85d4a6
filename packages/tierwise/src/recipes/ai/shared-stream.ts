import { LoaderError } from '../../index.ts'
import type { Clock } from '../../index.ts'
import { approximateBytes } from './sized.ts'

/** A whole stream: what came, and when. */
export interface StreamRecording {
  readonly chunks: readonly unknown[]
  /** When each chunk came, in milliseconds after the call. */
  readonly at: readonly number[]
}

/** How a source is read. */
export interface SharedStreamOptions {
  readonly clock: Clock
  readonly startedAt: number
  readonly limitBytes: number
  readonly whenAllLeft: 'cancel' | 'finish'
  /** Whether this chunk says that the stream is whole; without it, a source that ends by itself is. */
  readonly isFinish: ((chunk: unknown) => boolean) | undefined
  /** Tells the source to stop. */
  readonly cancel: (reason: unknown) => void
}

interface Reader {
  /** Number of the chunk that it reads next. */
  position: number
  /** Why it gets no more. */
  cut: Error | undefined
}

interface Held {
  readonly chunk: unknown
  readonly bytes: number
}

/**
 * One source, read once for any number of readers, each from its beginning and at its own pace.
 *
 * Within the limit everything is kept, for the record and for who joins, so the source is read as fast as it comes. Beyond
 * it only what a reader still needs is kept: the source then goes at the pace of the fastest reader, and one that is further
 * behind than the limit is cut off. So nobody is held by somebody slower, and memory is bounded.
 */
export class SharedStream {
  readonly #options: SharedStreamOptions
  readonly #iterator: AsyncIterator<unknown>
  readonly #held: Held[] = []
  readonly #at: number[] = []
  readonly #readers = new Set<Reader>()
  #heldBytes = 0
  /** Number of the first chunk that is held. */
  #first = 0
  #isOver = false
  #sawFinish = false
  #ended: { readonly error?: unknown } | undefined
  #hadReaders = false
  #wake: () => void = () => undefined
  #changed: Promise<void> = this.#nextChange()
  #settle: (recording: StreamRecording | undefined) => void = () => undefined
  /** The recording when the stream is whole, or undefined as soon as there will be none. Never rejects. */
  readonly recorded: Promise<StreamRecording | undefined> = new Promise((resolve) => {
    this.#settle = resolve
  })

  constructor(source: AsyncIterable<unknown>, options: SharedStreamOptions) {
    this.#options = options
    this.#iterator = source[Symbol.asyncIterator]()
    void this.#pump()
  }

  /** Whether a reader can still begin at the beginning and read to the end. */
  get isJoinable(): boolean {
    return !this.#isOver && (this.#ended === undefined || !('error' in this.#ended))
  }

  /** A reader from the beginning. It counts from now on, whether it reads or not, until it stops. */
  read(): AsyncIterator<unknown, undefined> {
    const reader: Reader = { position: 0, cut: undefined }
    this.#readers.add(reader)
    this.#hadReaders = true
    this.#notify()
    return {
      next: () => this.#next(reader),
      return: async () => {
        this.#leave(reader)
        return { done: true, value: undefined }
      },
    }
  }

  /** Ends the stream for everybody. */
  cancel(reason: unknown): void {
    if (this.#ended !== undefined) return
    this.#end({ error: reason })
    this.#options.cancel(reason)
    this.#iterator.return?.().catch(() => undefined)
  }

  async #next(reader: Reader): Promise<IteratorResult<unknown, undefined>> {
    for (;;) {
      if (reader.cut !== undefined) throw reader.cut
      if (!this.#readers.has(reader)) return { done: true, value: undefined }
      const held = this.#held[reader.position - this.#first]
      if (held !== undefined) {
        reader.position++
        this.#forget()
        this.#notify()
        return { done: false, value: held.chunk }
      }
      if (this.#ended !== undefined) return this.#finish(reader)
      await this.#changed
    }
  }

  #finish(reader: Reader): IteratorResult<unknown, undefined> {
    this.#readers.delete(reader)
    if (this.#ended !== undefined && 'error' in this.#ended) throw this.#ended.error
    return { done: true, value: undefined }
  }

  #leave(reader: Reader): void {
    if (!this.#readers.delete(reader)) return
    this.#forget()
    this.#notify()
    if (this.#readers.size > 0) return
    if (this.#options.whenAllLeft === 'cancel' || this.#isOver) this.cancel(new Error('Every reader has left.'))
  }

  /** Never rejects. */
  async #pump(): Promise<void> {
    try {
      for (;;) {
        while (this.#isOver && this.#ended === undefined && !this.#isAwaited()) await this.#changed
        if (this.#ended !== undefined) return
        const next = await this.#iterator.next()
        if (this.#ended !== undefined) return
        if (next.done === true) break
        this.#take(next.value)
      }
    } catch (error) {
      return this.#end({ error })
    }
    this.#settle(this.#recording())
    this.#end({})
  }

  #recording(): StreamRecording | undefined {
    const isWhole = this.#options.isFinish === undefined || this.#sawFinish
    if (this.#isOver || !isWhole) return undefined
    return { chunks: this.#held.map(({ chunk }) => chunk), at: this.#at }
  }

  /** Whether the fastest reader has read all there is. */
  #isAwaited(): boolean {
    const end = this.#first + this.#held.length
    for (const { position } of this.#readers) if (position >= end) return true
    return false
  }

  #take(chunk: unknown): void {
    const { clock, startedAt, limitBytes, isFinish } = this.#options
    const bytes = approximateBytes(chunk)
    this.#held.push({ chunk, bytes })
    this.#at.push(clock.now() - startedAt)
    this.#heldBytes += bytes
    this.#sawFinish ||= isFinish?.(chunk) === true
    if (this.#heldBytes > limitBytes) this.#overflow()
    this.#notify()
  }

  #overflow(): void {
    this.#isOver = true
    this.#settle(undefined)
    this.#at.length = 0
    this.#forget()
    while (this.#heldBytes > this.#options.limitBytes && this.#readers.size > 1 && this.#cutSlowest()) this.#forget()
    if (this.#hadReaders && this.#readers.size === 0)
      this.cancel(new Error('Every reader has left, and the stream is too long for a record.'))
  }

  /** False when the slowest reader is as fast as any. */
  #cutSlowest(): boolean {
    const positions = [...this.#readers].map(({ position }) => position)
    const [least, most] = [Math.min(...positions), Math.max(...positions)]
    if (least === most) return false
    for (const reader of this.#readers) {
      if (reader.position > least) continue
      this.#readers.delete(reader)
      reader.cut = new LoaderError(
        `A reader of a shared stream was ${most - least} chunks behind another one, and the stream is longer than \`maxRecordBytes\`. ` +
          'Read faster, or raise the limit.',
        { code: 'ERR_CACHE_LOADER', operation: 'stream', retryable: true },
      )
    }
    return true
  }

  /** Beyond the limit: lets go of what every reader has read. */
  #forget(): void {
    if (!this.#isOver || this.#readers.size === 0) return
    let least = Infinity
    for (const { position } of this.#readers) least = Math.min(least, position)
    const gone = this.#held.splice(0, least - this.#first)
    this.#first += gone.length
    for (const { bytes } of gone) this.#heldBytes -= bytes
  }

  #end(end: { readonly error?: unknown }): void {
    this.#ended ??= end
    this.#settle(undefined)
    this.#notify()
  }

  #notify(): void {
    const wake = this.#wake
    this.#changed = this.#nextChange()
    wake()
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
