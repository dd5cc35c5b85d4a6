import { expect, it } from 'vitest'
import { fakeRuntime } from '../../../../src/testing/index.ts'
import { seededRandom } from '../../../../src/testing/seeded-random.ts'
import { Lane } from '../../../../src/tiers/redis/bus/lane.ts'
import { FakeLaneServer, type MadeChange } from './fake-lane-server.ts'

/**
 * A lane over a server that loses messages, delays, doubles and reorders them, and loses what it knows. Checked after
 * each step: what is confirmed has been told, and is still part of what the server knows.
 */
class RandomLane {
  readonly runtime = fakeRuntime({ now: 1000 })
  readonly server = new FakeLaneServer(() => this.runtime.clock.now())
  readonly lane: Lane
  readonly #random
  readonly #steps: string[] = []
  /** Published and not delivered. */
  #inFlight: MadeChange[] = []
  #heads: (() => void)[] = []
  /** Ids told since the last `lost`, in order, after the point at which that happened. */
  #told: string[] = []
  #lostAt = -Infinity
  #diverged = 0
  confirmedUntil = -Infinity
  losses = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    this.lane = new Lane({
      runtime: this.runtime,
      source: 'me',
      read: async (from) => {
        const page = this.server.read(from)
        for (let hops = this.#random.int(4); hops > 0; hops--) await Promise.resolve()
        return page
      },
      isHeard: () => this.#random() < 0.8,
      listener: {
        changed: (changes) => {
          for (const change of changes) if (change.kind === 'key') this.#told.push(change.key)
        },
        lost: () => {
          this.losses++
          this.#told = []
          this.#lostAt = this.runtime.clock.now()
        },
        confirmed: (instant) => this.#checkConfirmed(instant),
        diverged: () => void this.#diverged++,
        overdue: () => {},
        failed: () => {},
      },
    })
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) await this.#step()
    this.server.fails = false
    this.#inFlight = []
    // A lane that hears nothing more is proven by heads and log alone.
    for (let round = 0; round < 3; round++) {
      await this.runtime.advance(1000)
      this.#askHead()()
    }
    await this.runtime.advance(1000)
    expect(this.confirmedUntil, this.#story()).toBeGreaterThan(this.runtime.clock.now() - 3000)
    expect(this.lane.point?.id, this.#story()).toBe(this.server.head?.id)
  }

  async #step(): Promise<void> {
    const dice = this.#random.int(100)
    const { server, lane } = this
    if (dice < 35) this.#emit()
    else if (dice < 60) this.#deliver()
    else if (dice < 65) this.#note('drop', () => this.#inFlight.splice(this.#random.int(3), 1))
    else if (dice < 75) this.#note('ask', () => this.#heads.push(this.#askHead()))
    else if (dice < 83) this.#note('answer', () => this.#heads.shift()?.())
    else if (dice < 87) this.#note('resync', () => lane.resync())
    else if (dice < 89) this.#note('roll back', () => this.#rollBack())
    else if (dice < 90) this.#note('flush', () => server.flush())
    else if (dice < 92) this.#note('trim', () => server.trim(this.#random.int(4)))
    else if (dice < 94) this.#note('toggle', () => (server.fails = !server.fails))
    else if (dice < 97) this.#note('rubbish', () => lane.receiveUnreadable())
    else await this.runtime.advance(this.#random.int(400))
    if (this.#random() < 0.5) await this.runtime.advance(1 + this.#random.int(20))
  }

  #emit(): void {
    this.#note('emit', () => {
      const message = this.server.emit('')
      const named: MadeChange = {
        ...message,
        changes: [{ kind: 'key', operation: 'set', key: message.id, version: message.sequence }],
      }
      this.server.history[this.server.history.length - 1] = named
      if (this.#random() < 0.9) this.#inFlight.push(named)
    })
  }

  #deliver(): void {
    this.#note('deliver', () => {
      const at = this.#random() < 0.8 ? 0 : this.#random.int(this.#inFlight.length)
      const message = this.#inFlight[at]
      if (message === undefined) return
      if (this.#random() < 0.9) this.#inFlight.splice(at, 1)
      this.lane.receive(message)
    })
  }

  /** Messages that the old server had sent may still arrive. */
  #rollBack(): void {
    this.server.rollBack(1 + this.#random.int(3))
  }

  #askHead(): () => void {
    const asked = { instant: this.runtime.clock.now(), point: this.lane.point }
    const { head } = this.server
    return () => this.lane.confirm(head, asked)
  }

  #note(what: string, run: () => unknown): void {
    this.#steps.push(what)
    run()
  }

  /** All that the server knows from before the instant was told after the last loss, or before it. */
  #checkConfirmed(instant: number): void {
    this.confirmedUntil = Math.max(this.confirmedUntil, instant)
    const told = new Set(this.#told)
    const missing = this.server.history.filter(({ at, id }) => at < instant && at > this.#lostAt && !told.has(id))
    expect(missing, this.#story()).toEqual([])
  }

  #story(): string {
    return `seed ${this.#random.seed}: ${this.#steps.join(', ')}`
  }
}

it('is right about what it confirms, and is proven again when the network is quiet', async () => {
  const first = Number(process.env['SEED'] ?? 1)
  let losses = 0
  for (let seed = first; seed < first + 400; seed++) {
    const one = new RandomLane(seed)
    await one.run(120)
    losses += one.losses
  }
  expect(losses).toBeGreaterThan(400)
})
