import type { BarrierResult, BusPosition } from '../../contract/bus.ts'
import { TimeoutError } from '../../errors.ts'
import type { Member } from './state.ts'
import { pollMs, type SharedBusParts } from './bus-parts.ts'

const napsMs = [20, 50, 100]

/** Resolves once each member has come as far as the positions, or has not been heard of for so long that it serves nothing. */
export async function awaitBarrier(
  positions: readonly BusPosition[],
  timeoutMs: number,
  parts: SharedBusParts,
): Promise<BarrierResult> {
  const { server, link, clock, timers, maxStalenessMs } = parts
  const endsAt = clock.now() + timeoutMs
  for (let round = 0; ; round++) {
    const looked = link.call('barrier', [], () => {
      if (round === 0) server.publish({ kind: 'nudge' })
      const aliveSince = server.now() - maxStalenessMs - pollMs
      return judge(server.state.members, positions, aliveSince)
    })
    // A store that does not answer now may do so in the next round.
    const found = await within(
      endsAt - clock.now(),
      looked.catch(() => undefined),
      parts,
    )
    if (found !== undefined && found.waiting.length === 0)
      return { acknowledged: found.acknowledged, lapsed: found.lapsed }
    const napMs = Math.min(napsMs[round] ?? 100, endsAt - clock.now())
    if (napMs <= 0) throw tooLate(timeoutMs)
    await new Promise<void>((resolve) => timers.after(napMs, resolve))
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

/** Undefined when the work takes longer. */
function within<T>(ms: number, work: Promise<T>, { timers }: SharedBusParts): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = timers.after(ms, () => resolve(undefined))
    void work.then(resolve, reject).finally(() => timer.cancel())
  })
}

function tooLate(timeoutMs: number): TimeoutError {
  return new TimeoutError(`Not every instance has applied the change within ${timeoutMs} ms.`, {
    code: 'ERR_CACHE_TIER_TIMEOUT',
    operation: 'barrier',
    retryable: true,
  })
}
