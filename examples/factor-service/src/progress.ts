import { MultiBar } from 'cli-progress'
import type { SingleBar } from 'cli-progress'

/** Shows how far the demo is. */
export interface Progress {
  start(total: number): void
  announce(line: string): void
  advance(): void
  stop(): void
}

/** A bar on a terminal, a few plain lines anywhere else. */
export function createProgress(out: NodeJS.WriteStream): Progress {
  return out.isTTY ? new Bar(out) : new Lines(out)
}

class Bar implements Progress {
  readonly #bars: MultiBar
  #bar: SingleBar | undefined

  constructor(stream: NodeJS.WriteStream) {
    const format = '  {bar} {percentage}% | {value} of {total} requests'
    this.#bars = new MultiBar({ stream, format, hideCursor: true, gracefulExit: false, barsize: 30 })
  }

  start(total: number): void {
    this.#bar = this.#bars.create(total, 0)
  }

  announce(line: string): void {
    this.#bars.log(`  ${line}\n`)
  }

  advance(): void {
    this.#bar?.increment()
  }

  stop(): void {
    this.#bars.stop()
  }
}

class Lines implements Progress {
  readonly #out: NodeJS.WriteStream
  #total = 0
  #done = 0

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  start(total: number): void {
    this.#total = total
  }

  announce(line: string): void {
    this.#out.write(`  ${String(this.#done).padStart(6)} of ${this.#total} requests: ${line}\n`)
  }

  advance(): void {
    this.#done++
  }

  stop(): void {
    this.#out.write(`  ${String(this.#done).padStart(6)} of ${this.#total} requests: done\n`)
  }
}
