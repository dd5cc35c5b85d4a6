import type { Runtime } from '../contract/runtime.ts'

/** Resolves after so many milliseconds, or at once when the signal is aborted. */
export function pause(
  ms: number,
  { timers, signal }: Pick<Runtime, 'timers'> & { readonly signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = timers.after(ms, end)
    signal.addEventListener('abort', end, { once: true })
  })
}

/** What the work comes to, or `undefined` once the signal is aborted: nothing that hangs is waited for. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve(undefined)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}

/** Lets so many keys a second through, evenly: each batch is followed by the time that its keys are worth. */
export class Pacer {
  readonly #runtime: Runtime
  readonly #msPerKey: number
  #nextAt = 0

  constructor(runtime: Runtime, rate: number) {
    this.#runtime = runtime
    this.#msPerKey = 1000 / rate
  }

  async wait(keys: number, signal: AbortSignal): Promise<void> {
    if (this.#msPerKey === 0) return
    const now = this.#runtime.clock.now()
    const at = Math.max(now, this.#nextAt)
    this.#nextAt = at + keys * this.#msPerKey
    if (at > now) await pause(at - now, { timers: this.#runtime.timers, signal })
  }
}
