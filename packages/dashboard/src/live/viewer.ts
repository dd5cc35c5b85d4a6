/** What may wait for one who reads slowly: two or three pictures of a large cache. */
const mostWaiting = 256 * 1024
/** Pictures that were left out in a row after which the stream ends; a page that is alive opens another one. */
const mostSkipped = 60

/** One stream of server-sent events. What its reader is too slow for is left out, and never piles up. */
export class Viewer {
  readonly body: ReadableStream<Uint8Array>
  readonly #encoder = new TextEncoder()
  #controller!: ReadableStreamDefaultController<Uint8Array>
  #skipped = 0
  #isOver = false
  readonly #onEnd: (viewer: Viewer) => void

  constructor(onEnd: (viewer: Viewer) => void) {
    this.#onEnd = onEnd
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        cancel: () => this.#end(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: mostWaiting }),
    )
  }

  send(event: string, json: string): void {
    if (this.#isOver) return
    if ((this.#controller.desiredSize ?? 0) <= 0) {
      if (++this.#skipped > mostSkipped) this.close()
      return
    }
    this.#skipped = 0
    this.#controller.enqueue(this.#encoder.encode(`event: ${event}\ndata: ${json}\n\n`))
  }

  close(): void {
    if (this.#isOver) return
    this.#controller.close()
    this.#end()
  }

  #end(): void {
    this.#isOver = true
    this.#onEnd(this)
  }
}
