import type { EchoEvents } from '../base/echo-bus/index.ts'
import type { Runtime } from '../contract/runtime.ts'

/** What goes wrong on a hub: shares of the deliveries, from 0 to 1, drawn from the random numbers of its runtime. */
export interface HubFaults {
  /** Deliveries that do not arrive. @default 0 */
  loss: number
  /** Deliveries that arrive twice. @default 0 */
  duplication: number
  /** Deliveries that arrive after the next one. @default 0 */
  reordering: number
  /** How long each delivery takes, in milliseconds. @default 0 */
  delayMs: number
}

/** What the memory buses of one process share. */
export interface MemoryHub {
  /** Can be changed at any time; what is under way is not affected. */
  readonly faults: HubFaults
  /** Instances that listen. */
  readonly size: number
}

/** Makes a hub. Its runtime times the delays and draws the faults. */
export function memoryHub(runtime: Pick<Runtime, 'timers' | 'random'>, faults: Partial<HubFaults> = {}): MemoryHub {
  return new CountingHub(runtime, faults)
}

/**
 * Counts everything that is sent, so that whoever listens sees from the numbers alone what is missing, was heard already
 * or comes too late.
 */
export class CountingHub implements MemoryHub {
  readonly faults: HubFaults
  readonly #runtime: Pick<Runtime, 'timers' | 'random'>
  readonly #links = new Set<HubLink>()
  #count = 0

  constructor(runtime: Pick<Runtime, 'timers' | 'random'>, faults: Partial<HubFaults>) {
    this.#runtime = runtime
    this.faults = { loss: 0, duplication: 0, reordering: 0, delayMs: 0, ...faults }
  }

  get size(): number {
    return this.#links.size
  }

  link(events: EchoEvents): HubLink {
    const link = new HubLink(events, this.#count)
    this.#links.add(link)
    return link
  }

  unlink(link: HubLink): void {
    link.isOpen = false
    this.#links.delete(link)
  }

  send(text: string): void {
    const number = ++this.#count
    for (const link of this.#links) this.#deliver(link, { number, text })
  }

  #deliver(link: HubLink, delivery: Delivery): void {
    const { faults } = this
    if (this.#draw(faults.loss)) return
    const isLate = link.late === undefined && this.#draw(faults.reordering)
    const copies = this.#draw(faults.duplication) ? [delivery, delivery] : [delivery]
    if (isLate) {
      link.late = copies
      return
    }
    const due = link.late === undefined ? copies : [...copies, ...link.late]
    link.late = undefined
    this.#after(faults.delayMs, () => {
      for (const each of due) link.receive(each)
    })
  }

  #draw(share: number): boolean {
    return share > 0 && this.#runtime.random() < share
  }

  #after(ms: number, run: () => void): void {
    if (ms > 0) this.#runtime.timers.after(ms, run)
    else queueMicrotask(run)
  }
}

interface Delivery {
  readonly number: number
  readonly text: string
}

/** One listener of a hub. */
export class HubLink {
  isOpen = true
  /** Waits for the next delivery to overtake it. */
  late: readonly Delivery[] | undefined
  readonly #events: EchoEvents
  #last: number

  constructor(events: EchoEvents, last: number) {
    this.#events = events
    this.#last = last
  }

  receive({ number, text }: Delivery): void {
    if (!this.isOpen || number <= this.#last) return
    const isGap = number > this.#last + 1
    this.#last = number
    if (isGap) this.#events.onOpen()
    this.#events.onText(text)
  }
}
