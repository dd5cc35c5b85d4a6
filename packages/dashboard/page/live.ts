import { useEffect, useRef, useState } from 'preact/hooks'
import type { FeedItem, Hello, Picture, Point } from '../src/wire.ts'
import { readSession } from './api.ts'

const mostPoints = 3600
/** Of what is told all the time, and of what is rare. */
const mostFeed = 100

export interface LiveState {
  readonly picture: Picture | undefined
  readonly points: readonly Point[]
  /** Latest first. */
  readonly feed: readonly FeedItem[]
  readonly link: 'connecting' | 'live' | 'lost'
  /** By the clock of this page; 0 before the first. */
  readonly receivedAt: number
  /** What the cache failed with when it was asked how it is. */
  readonly trouble: string | undefined
}

const nothing: LiveState = {
  picture: undefined,
  points: [],
  feed: [],
  link: 'connecting',
  receivedAt: 0,
  trouble: undefined,
}

/** Everything the stream has told so far; it is opened again when it breaks, for as long as the page is there. */
export function useLive(onSignedOut: () => void): LiveState {
  const [state, setState] = useState(nothing)
  const signedOut = useRef(onSignedOut)
  signedOut.current = onSignedOut
  useEffect(() => {
    const stream = new Stream(setState, () => signedOut.current())
    return () => stream.close()
  }, [])
  return state
}

type Change = (state: LiveState) => LiveState

class Stream {
  readonly #set: (change: Change) => void
  readonly #onSignedOut: () => void
  readonly #watch: ReturnType<typeof setInterval>
  #source: EventSource | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #heardAt = Date.now()
  #silenceMs = 5000

  constructor(set: (change: Change) => void, onSignedOut: () => void) {
    this.#set = set
    this.#onSignedOut = onSignedOut
    // A connection can die without a word; silence is all there is to see of that.
    this.#watch = setInterval(() => this.#notice(), 1000)
    this.#open()
  }

  close(): void {
    clearInterval(this.#watch)
    clearTimeout(this.#retry)
    this.#source?.close()
  }

  #open(): void {
    const source = new EventSource('api/stream')
    this.#source = source
    this.#heardAt = Date.now()
    const on = <T>(name: string, change: (told: T) => Change): void =>
      source.addEventListener(name, (event: MessageEvent<string>) => {
        this.#heardAt = Date.now()
        this.#set(change(JSON.parse(event.data) as T))
      })
    on<Hello>('hello', withHello)
    on<Picture>('picture', (picture) => {
      this.#silenceMs = Math.max(4000, picture.intervalMs * 3)
      return withPicture(picture)
    })
    on<{ error: string }>('trouble', ({ error }) => (state) => ({ ...state, link: 'live', trouble: error }))
    source.addEventListener('error', () => this.#onBroken())
  }

  #notice(): void {
    if (this.#source !== undefined && Date.now() - this.#heardAt > this.#silenceMs) this.#onBroken()
  }

  #onBroken(): void {
    this.#source?.close()
    this.#source = undefined
    this.#set((state) => ({ ...state, link: 'lost' }))
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => void this.#openAgain(), 1000)
  }

  async #openAgain(): Promise<void> {
    // A stream does not say why it was refused.
    const session = await readSession().catch(() => undefined)
    if (session === undefined) this.#onBroken()
    else if (session.authorized) this.#open()
    else this.#onSignedOut()
  }
}

function withHello({ history, feed }: Hello): Change {
  return (state) => {
    const from = history[0]?.at ?? Infinity
    const older = state.points.filter(({ at }) => at < from)
    return { ...state, points: [...older, ...history].slice(-mostPoints), feed: withNews(state.feed, feed) }
  }
}

function withPicture(picture: Picture): Change {
  return ({ points, feed }) => ({
    picture,
    points: withPoint(points, picture.point),
    feed: withNews(feed, picture.feed),
    link: 'live',
    receivedAt: Date.now(),
    trouble: undefined,
  })
}

/** The first picture of a stream may repeat what its hello has told. */
function withPoint(points: readonly Point[], point: Point | undefined): readonly Point[] {
  if (point === undefined || point.at <= (points.at(-1)?.at ?? 0)) return points
  return [...points, point].slice(-mostPoints)
}

function withNews(feed: readonly FeedItem[], news: readonly FeedItem[]): readonly FeedItem[] {
  // A server that was started again counts anew, so an id alone does not tell what is known.
  const known = new Set(feed.map(({ id, at }) => `${id} ${at}`))
  const fresh = news.filter(({ id, at }) => !known.has(`${id} ${at}`))
  if (fresh.length === 0) return feed
  const left = { info: mostFeed, rare: mostFeed }
  return [...fresh.toReversed(), ...feed].filter(({ severity }) => left[severity === 'info' ? 'info' : 'rare']-- > 0)
}
