import { setTimeout as sleep } from 'node:timers/promises'

/** What the caches are for: the source of the values, which counts how often it is asked and can be made to wait or fail. */
export class Source {
  /** @type {Map<string, number>} */
  #generations = new Map()
  /** @type {Map<string, { opened: Promise<void>, open: () => void, asked: () => void, reached: Promise<void> }>} */
  #gates = new Map()
  loads = 0
  loadMs = 0
  isDown = false

  /** @param {string} key @param {number} generation */
  set(key, generation) {
    this.#generations.set(key, generation)
  }

  /** As a query does: what it answers was there when it began. @param {string} key */
  async load(key) {
    this.loads++
    const generation = this.#generations.get(key) ?? 1
    const gate = this.#gates.get(key)
    gate?.asked()
    await gate?.opened
    if (this.loadMs > 0) await sleep(this.loadMs)
    if (this.isDown) throw new Error('the source is down')
    return generation
  }

  /** The next loads of the key wait until `open`; `reached` resolves when one does. @param {string} key */
  gate(key) {
    let open = () => {}
    let asked = () => {}
    const opened = new Promise((/** @type {(_: void) => void} */ resolve) => (open = resolve))
    const reached = new Promise((/** @type {(_: void) => void} */ resolve) => (asked = resolve))
    this.#gates.set(key, { opened, open, asked, reached })
    const lift = () => {
      this.#gates.delete(key)
      open()
    }
    return { reached, open: lift }
  }
}
