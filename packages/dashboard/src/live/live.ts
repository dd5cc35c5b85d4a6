import type { CacheManager } from 'tierwise'
import type { ResolvedOptions } from '../options.ts'
import type { Hello, Point } from '../wire.ts'
import { Feed } from './feed.ts'
import { takePicture } from './picture.ts'
import { Rates } from './rates.ts'
import { errorText } from './text.ts'
import { Viewer } from './viewer.ts'

const mostViewers = 50
/** Ten minutes, at one a second. */
const mostPoints = 600

/** Takes a picture once an interval for all who look, and does nothing while nobody does. */
export class Live {
  readonly #manager: CacheManager
  readonly #options: ResolvedOptions
  readonly #viewers = new Set<Viewer>()
  readonly #feed: Feed
  readonly #rates: Rates
  #history: readonly Point[] = []
  #latest: string | undefined
  #isBusy = false
  #isAsking = false
  #pause: (() => void) | undefined

  constructor(manager: CacheManager, options: ResolvedOptions) {
    this.#manager = manager
    this.#options = options
    this.#feed = new Feed(options.clock.now)
    this.#rates = new Rates(options.intervalMs * 5)
  }

  /** A stream of pictures; undefined when too many look already. */
  view(): ReadableStream<Uint8Array> | undefined {
    if (this.#viewers.size >= mostViewers) return undefined
    const viewer = new Viewer((gone) => this.#leave(gone))
    this.#viewers.add(viewer)
    if (this.#pause === undefined) this.#pause = this.#begin()
    const hello: Hello = { history: this.#history, feed: this.#feed.items }
    viewer.send('hello', JSON.stringify(hello))
    if (this.#latest === undefined) void this.#tick()
    else viewer.send('picture', this.#latest)
    return viewer.body
  }

  stop(): void {
    for (const viewer of this.#viewers) viewer.close()
  }

  #leave(viewer: Viewer): void {
    this.#viewers.delete(viewer)
    if (this.#viewers.size > 0) return
    this.#pause?.()
    this.#pause = undefined
    // What was true then says nothing to the next one who looks.
    this.#latest = undefined
    this.#rates.forget()
  }

  #begin(): () => void {
    const { timers, intervalMs, askTiersMs } = this.#options
    const stopListening = this.#feed.listen(this.#manager)
    const running = [timers.every(intervalMs, () => void this.#tick())]
    if (askTiersMs !== undefined) {
      void this.#askTiers()
      running.push(timers.every(askTiersMs, () => void this.#askTiers()))
    }
    return () => {
      stopListening()
      for (const timer of running) timer.cancel()
    }
  }

  async #tick(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      this.#send('picture', await this.#picture())
    } catch (error) {
      this.#send('trouble', JSON.stringify({ error: errorText(error) }))
    } finally {
      this.#isBusy = false
    }
  }

  async #picture(): Promise<string> {
    const analytics = this.#manager.analytics()
    const point = this.#rates.next(analytics)
    const picture = await takePicture(this.#manager, this.#options, { analytics, point, feed: this.#feed.flush() })
    if (point !== undefined) this.#history = [...this.#history, point].slice(-mostPoints)
    return JSON.stringify(picture)
  }

  #send(event: string, json: string): void {
    if (event === 'picture' && this.#viewers.size > 0) this.#latest = json
    for (const viewer of this.#viewers) viewer.send(event, json)
  }

  /** What tiers hold is known from a deep health check only. */
  async #askTiers(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    // Once stopped there is nothing to ask; the pictures say so.
    await this.#manager.health({ deep: true }).catch(() => {})
    this.#isAsking = false
  }
}
