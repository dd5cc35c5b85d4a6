import { setTimeout as sleep } from 'node:timers/promises'

import type { RedisServer, SeededRandom, TcpProxy } from '../../src/testing/index.ts'

/** Faults between an application and its servers, one after the other, each for a short random time. */
export class FaultyNetwork {
  readonly #proxies: readonly TcpProxy[]
  readonly #server: RedisServer
  readonly #random: SeededRandom
  /** How often each fault was there. */
  readonly counts: Record<string, number> = {}

  constructor(proxies: readonly TcpProxy[], server: RedisServer, random: SeededRandom) {
    this.#proxies = proxies
    this.#server = server
    this.#random = random
  }

  /** Makes trouble until the time is over; afterwards everything is fine again. */
  async trouble(forMs: number): Promise<void> {
    const endsAt = performance.now() + forMs
    while (performance.now() < endsAt) {
      await this.#one()
      await sleep(this.#random.int(250))
    }
  }

  async #one(): Promise<void> {
    const proxy = this.#random.pick(this.#proxies)
    const fault = this.#random.pick([
      'cut',
      'cut',
      'end',
      'silence',
      'half-open',
      'delay',
      'delay',
      'refuse',
      'restore',
    ])
    this.counts[fault] = (this.counts[fault] ?? 0) + 1
    if (fault === 'restore') return this.#restore()
    if (fault === 'cut') proxy.cut('reset')
    else if (fault === 'end') proxy.cut('end')
    else if (fault === 'silence') proxy.silence({ direction: this.#random.pick(['to-target', 'to-client', 'both']) })
    else if (fault === 'half-open') proxy.silence({ connections: 'existing' })
    else if (fault === 'delay') proxy.delay(1 + this.#random.int(120))
    else {
      await proxy.refuse(this.#random.pick(['closed', 'reset']))
      proxy.cut()
    }
    await sleep(this.#random.int(400))
    await proxy.pass()
  }

  /** The server comes back with what it held a while ago. */
  async #restore(): Promise<void> {
    await this.#server.command('SAVE')
    await sleep(this.#random.int(100))
    await this.#server.kill()
    await this.#server.restart()
  }
}
