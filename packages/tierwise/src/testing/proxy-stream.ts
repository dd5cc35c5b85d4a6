import type { Socket } from 'node:net'
import type { Runtime, Timer } from '../contract/runtime.ts'

/** What happens to the bytes of one direction. */
export type StreamFault =
  | { readonly kind: 'pass' }
  | { readonly kind: 'silence' }
  | { readonly kind: 'stop-reading' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number }

export interface StreamEvents {
  /** Bytes came in from the source, in one read. */
  received(bytes: number): void
  /** Bytes were handed on to the sink. */
  forwarded(bytes: number): void
}

type Item =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly since: number }
  | { readonly kind: 'end' | 'reset'; readonly since: number }

/** A throttled direction takes in no more than this ahead of what it has handed on, so that the sender feels it. */
const throttledAheadBytes = 16 * 1024
const throttleTickMs = 10

/**
 * One direction of a proxied connection. What is held back stays in order and is delivered when the fault is lifted,
 * the end of the connection included: this is what a network does that loses packets for a while.
 */
export class ProxyStream {
  readonly #source: Socket
  readonly #sink: Socket
  readonly #runtime: Runtime
  readonly #events: StreamEvents
  readonly #held: Item[] = []
  #heldBytes = 0
  #fault: StreamFault = { kind: 'pass' }
  #timer: Timer | undefined
  #finished = false

  constructor(ends: { readonly source: Socket; readonly sink: Socket }, runtime: Runtime, events: StreamEvents) {
    this.#source = ends.source
    this.#sink = ends.sink
    this.#runtime = runtime
    this.#events = events
    this.#source.on('data', (bytes) => this.#receive(bytes))
    this.#source.on('end', () => this.#hold({ kind: 'end', since: this.#now() }))
    this.#source.on('close', () => this.#sourceClosed())
    this.#sink.on('drain', () => this.#work())
    this.#sink.on('close', () => this.#stop())
  }

  /** Takes effect at once, also for bytes that are held back. */
  apply(fault: StreamFault): void {
    this.#fault = fault
    this.#timer?.cancel()
    this.#timer = undefined
    this.#work()
  }

  #now(): number {
    return this.#runtime.clock.now()
  }

  #receive(bytes: Uint8Array): void {
    if (this.#finished) return
    this.#events.received(bytes.byteLength)
    this.#heldBytes += bytes.byteLength
    this.#hold({ kind: 'bytes', bytes, since: this.#now() })
  }

  #hold(item: Item): void {
    this.#held.push(item)
    this.#work()
  }

  /** A connection that ends without a farewell was reset; the other side learns it in the same way. */
  #sourceClosed(): void {
    if (!this.#source.readableEnded) this.#hold({ kind: 'reset', since: this.#now() })
  }

  #stop(): void {
    this.#finished = true
    this.#timer?.cancel()
    this.#held.length = 0
    this.#heldBytes = 0
  }

  #work(): void {
    if (this.#finished) return
    if (this.#timer === undefined) this.#forward()
    this.#regulateReading()
  }

  #forward(): void {
    const fault = this.#fault
    if (fault.kind === 'silence') return
    if (fault.kind === 'throttle') return this.#forwardSome(fault.bytesPerSecond)
    const due = fault.kind === 'delay' ? this.#now() - fault.ms : Infinity
    for (let item = this.#held[0]; item !== undefined && !this.#finished; item = this.#held[0]) {
      if (item.since > due) return this.#again(item.since - due)
      if (!this.#deliver(this.#held.shift() as Item)) return
    }
  }

  #forwardSome(bytesPerSecond: number): void {
    const item = this.#held[0]
    if (item === undefined) return
    const most = Math.max(1, Math.floor((bytesPerSecond * throttleTickMs) / 1000))
    this.#held.shift()
    if (item.kind !== 'bytes') return void this.#deliver(item)
    const rest = item.bytes.subarray(most)
    if (rest.byteLength > 0) this.#held.unshift({ ...item, bytes: rest })
    this.#deliver({ ...item, bytes: item.bytes.subarray(0, most) })
    this.#again(Math.max(throttleTickMs, 1000 / bytesPerSecond))
  }

  #again(ms: number): void {
    this.#timer = this.#runtime.timers.after(ms, () => {
      this.#timer = undefined
      this.#work()
    })
  }

  /** Says whether the sink takes more. */
  #deliver(item: Item): boolean {
    if (item.kind === 'bytes') {
      this.#heldBytes -= item.bytes.byteLength
      this.#events.forwarded(item.bytes.byteLength)
      return this.#sink.write(item.bytes)
    }
    if (item.kind === 'end') this.#sink.end()
    else this.#sink.resetAndDestroy()
    return false
  }

  #regulateReading(): void {
    if (this.#finished || this.#source.destroyed) return
    if (this.#mayRead()) this.#source.resume()
    else this.#source.pause()
  }

  #mayRead(): boolean {
    const { kind } = this.#fault
    if (kind === 'stop-reading') return false
    if (kind === 'throttle') return this.#heldBytes < throttledAheadBytes
    return kind !== 'pass' || !this.#sink.writableNeedDrain
  }
}
