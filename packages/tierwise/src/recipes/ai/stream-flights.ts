import { parseSize } from '../../base/duration.ts'
import { parseDuration } from '../../index.ts'
import type { Cache, LoadOptions, Runtime } from '../../index.ts'
import type { StreamRecord } from './record.ts'
import { SharedStream } from './shared-stream.ts'
import type { StreamRecording } from './shared-stream.ts'
import type { ModelCall, StreamOptions } from './types.ts'

/** What is asked for, once for all who ask it. */
export interface StreamStart {
  readonly call: (context: ModelCall) => AsyncIterable<unknown> | Promise<AsyncIterable<unknown>>
  readonly options: LoadOptions
  /** The record of a whole stream, or undefined when it is not to be kept. */
  readonly toRecord: (recording: StreamRecording, startedAt: number) => StreamRecord | undefined
}

/** What came of it: a record, or a stream that is being read. */
export type Boarded =
  | { readonly kind: 'record'; readonly record: StreamRecord }
  | { readonly kind: 'live'; readonly stream: SharedStream; readonly startedAt: number }

interface Flight {
  readonly boarded: Promise<Boarded>
}

/** Streams that are being looked up or read, by key. */
export class StreamFlights {
  readonly #cache: Cache
  readonly #runtime: Runtime
  readonly #options: StreamOptions
  readonly #limitBytes: number
  readonly #waitMs: number
  readonly #flights = new Map<string, Flight>()

  constructor(cache: Cache, runtime: Runtime, options: StreamOptions) {
    this.#cache = cache
    this.#runtime = runtime
    this.#options = options
    this.#limitBytes = parseSize(options.maxRecordBytes ?? '4mb') ?? 0
    this.#waitMs = parseDuration(options.waitForOthers ?? '1s') ?? 0
  }

  /** Joins the stream of the key or starts it; whether it was joined. Rejects with what the call threw. */
  async board(key: string, start: StreamStart): Promise<{ readonly boarded: Boarded; readonly joined: boolean }> {
    for (;;) {
      const running = this.#flights.get(key)
      if (running === undefined) return { boarded: await this.#start(key, start).boarded, joined: false }
      const boarded = await running.boarded
      if (boarded.kind === 'record' || boarded.stream.isJoinable) return { boarded, joined: true }
      if (this.#flights.get(key) === running) this.#flights.delete(key)
    }
  }

  #start(key: string, start: StreamStart): Flight {
    const source = new SourceStart(start, this.#runtime, (iterable, startedAt, abort) =>
      this.#share(iterable, startedAt, abort),
    )
    const landing = this.#cache.getOrSet(
      key,
      async ({ signal }) => {
        // A stream that has begun already did so without the right to store.
        if (source.hasBegun) return undefined
        return await source.record(signal)
      },
      start.options,
    ) as Promise<StreamRecord | undefined>
    const flight: Flight = { boarded: this.#settle(source, landing) }
    this.#flights.set(key, flight)
    void this.#leaveLater(key, flight, landing)
    return flight
  }

  /** Its record is in the cache before the next caller looks there. */
  async #leaveLater(key: string, flight: Flight, landing: Promise<unknown>): Promise<void> {
    const [boarded] = await Promise.allSettled([flight.boarded, landing])
    if (boarded.status === 'fulfilled' && boarded.value.kind === 'live') await boarded.value.stream.recorded
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }

  #share(iterable: AsyncIterable<unknown>, startedAt: number, cancel: (reason: unknown) => void): SharedStream {
    const { isFinish, whenAllLeft = 'cancel' } = this.#options
    const { clock } = this.#runtime
    return new SharedStream(iterable, { clock, startedAt, limitBytes: this.#limitBytes, whenAllLeft, isFinish, cancel })
  }

  /** The first of: the stream has begun, the cache has a record, the wait for another process is over. */
  async #settle(source: SourceStart, landing: Promise<StreamRecord | undefined>): Promise<Boarded> {
    const landed = landing.then((record): Boarded | undefined => record && { kind: 'record', record })
    const timer = this.#runtime.timers.after(this.#waitMs, () => void source.begin())
    try {
      const first = await Promise.race([source.begun, landed])
      if (first !== undefined) return first
    } catch (error) {
      // A stale record may stand in for a call that failed.
      const record = await landing.catch(() => undefined)
      if (record !== undefined) return { kind: 'record', record }
      throw source.failure === undefined ? error : source.failure.error
    } finally {
      timer.cancel()
    }
    return source.begin()
  }
}

type Share = (iterable: AsyncIterable<unknown>, startedAt: number, cancel: (reason: unknown) => void) => SharedStream

/** Makes the call, once, and tells of its stream. */
class SourceStart {
  readonly #start: StreamStart
  readonly #runtime: Runtime
  readonly #share: Share
  readonly #abortion = new AbortController()
  #live: Promise<Boarded & { readonly kind: 'live' }> | undefined
  #tellBegun: (live: Promise<Boarded>) => void = () => undefined
  /** The stream, once somebody has begun it. */
  readonly begun: Promise<Boarded> = new Promise((resolve) => {
    this.#tellBegun = resolve
  })
  /** What the call threw before there was a stream. */
  failure: { readonly error: unknown } | undefined

  constructor(start: StreamStart, runtime: Runtime, share: Share) {
    this.#start = start
    this.#runtime = runtime
    this.#share = share
  }

  get hasBegun(): boolean {
    return this.#live !== undefined
  }

  begin(): Promise<Boarded & { readonly kind: 'live' }> {
    this.#live ??= this.#call()
    this.#tellBegun(this.#live)
    return this.#live
  }

  /** Begins, and waits for the record; undefined when there is nothing to keep. */
  async record(signal: AbortSignal): Promise<StreamRecord | undefined> {
    const { stream, startedAt } = await this.begin()
    const stop = (): void => stream.cancel(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    const recording = await stream.recorded
    signal.removeEventListener('abort', stop)
    return recording && this.#start.toRecord(recording, startedAt)
  }

  async #call(): Promise<Boarded & { readonly kind: 'live' }> {
    const startedAt = this.#runtime.clock.now()
    try {
      const iterable = await this.#start.call({ signal: this.#abortion.signal })
      const stream = this.#share(iterable, startedAt, (reason) => this.#abortion.abort(reason))
      return { kind: 'live', stream, startedAt }
    } catch (error) {
      this.failure = { error }
      throw error
    }
  }
}
