import { MultiBar } from 'cli-progress'
import type { SingleBar } from 'cli-progress'

/** Shows how far the demo is. */
export interface Progress {
  start(total: number): void
  /** Also before the start and after the stop. */
  announce(line: string): void
  advance(): void
  stop(): void
}

/** A bar on a terminal, a few plain lines anywhere else. */
export function createProgress(out: NodeJS.WriteStream): Progress {
  return out.isTTY ? new Bar(out) : new Lines(out)
}

class Bar implements Progress {
  readonly #out: NodeJS.WriteStream
  readonly #bars: MultiBar
  #bar: SingleBar | undefined

  constructor(stream: NodeJS.WriteStream) {
    const format = '  {bar} {percentage}% | {value} of {total} requests'
    this.#out = stream
    this.#bars = new MultiBar({ stream, format, hideCursor: true, gracefulExit: false, barsize: 30 })
  }

  start(total: number): void {
    this.#bar = this.#bars.create(total, 0)
  }

  announce(line: string): void {
    if (this.#bar === undefined) this.#out.write(`${line}\n`)
    else this.#bars.log(`  ${line}\n`)
  }

  advance(): void {
    this.#bar?.increment()
  }

  stop(): void {
    this.#bars.stop()
    this.#bar = undefined
  }
}

class Lines implements Progress {
  readonly #out: NodeJS.WriteStream
  #total: number | undefined
  #done = 0

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  start(total: number): void {
    this.#total = total
  }

  announce(line: string): void {
    const soFar = this.#total === undefined ? '' : `  ${String(this.#done).padStart(6)} of ${this.#total} requests: `
    this.#out.write(`${soFar}${line}\n`)
  }

  advance(): void {
    this.#done++
  }

  stop(): void {
    this.announce('done')
    this.#total = undefined
  }
}
