import type { BarrierResult, BusPosition } from '../../contract/bus.ts'
import type { Timers } from '../../contract/runtime.ts'
import { TierError, TimeoutError } from '../../errors.ts'
import { pollMs, type SharedBusParts } from './bus-parts.ts'
import type { Member } from './state.ts'

const napsMs = [20, 50, 100]

/** Resolves once each member has come as far as the positions, or has not been heard of for so long that it serves nothing. */
export async function awaitBarrier(
  parts: SharedBusParts,
  waits: Waits,
  { positions, timeoutMs }: { readonly positions: readonly BusPosition[]; readonly timeoutMs: number },
): Promise<BarrierResult> {
  const { server, link, clock, maxStalenessMs } = parts
  const endsAt = clock.now() + timeoutMs
  for (let round = 0; ; round++) {
    const looked = link.call('barrier', [], () => {
      if (round === 0) server.publish({ kind: 'nudge' })
      return judge(server.state.members, positions, server.now() - maxStalenessMs - pollMs)
    })
    const noAnswer = looked.catch(() => undefined)
    const found = await waits.limit(endsAt - clock.now(), noAnswer)
    if (found !== undefined && found.waiting.length === 0)
      return { acknowledged: found.acknowledged, lapsed: found.lapsed }
    const napMs = Math.min(napsMs[round] ?? 100, endsAt - clock.now())
    if (napMs <= 0) throw tooLate(timeoutMs)
    await waits.limit(napMs)
  }
}

type Judged = BarrierResult & { readonly waiting: readonly string[] }

function judge(members: ReadonlyMap<string, Member>, positions: readonly BusPosition[], aliveSince: number): Judged {
  const judged = { acknowledged: [] as string[], lapsed: [] as string[], waiting: [] as string[] }
  for (const [id, { progress, at }] of members) {
    const hasApplied = positions.every(({ lane, sequence }) => (progress[lane] ?? -1) >= sequence)
    judged[hasApplied ? 'acknowledged' : at < aliveSince ? 'lapsed' : 'waiting'].push(id)
  }
  return judged
}

function tooLate(timeoutMs: number): TimeoutError {
  return new TimeoutError(`Not every instance has applied the change within ${timeoutMs} ms.`, {
    code: 'ERR_CACHE_TIER_TIMEOUT',
    operation: 'barrier',
    retryable: true,
  })
}

/** Waits that end with the bus. */
export class Waits {
  readonly #timers: Pick<Timers, 'after'>
  readonly #ends = new Set<() => void>()

  constructor(timers: Pick<Timers, 'after'>) {
    this.#timers = timers
  }

  /** The result of the work; undefined after `ms`, always so without work. Rejects when the bus is stopped. */
  async limit<T>(ms: number, work?: Promise<T>): Promise<T | undefined> {
    let end = (): void => {}
    const ended = new Promise<undefined>((resolve, reject) => {
      const timer = this.#timers.after(ms, () => resolve(undefined))
      end = () => {
        timer.cancel()
        reject(stopped())
      }
    })
    this.#ends.add(end)
    try {
      return await (work === undefined ? ended : Promise.race([work, ended]))
    } finally {
      this.#ends.delete(end)
      // Nobody listens any more, but the timer has to go.
      ended.catch(() => {})
      end()
    }
  }

  stop(): void {
    for (const end of this.#ends) end()
  }
}

function stopped(): TierError {
  return new TierError('The bus was stopped while a barrier waited.', {
    code: 'ERR_CACHE_TIER_CLOSED',
    operation: 'barrier',
  })
}
