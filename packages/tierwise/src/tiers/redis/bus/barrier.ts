import { withDeadline } from '../../../base/deadline.ts'
import type { BarrierResult, BusPosition } from '../../../contract/bus.ts'
import type { Clock, Timers } from '../../../contract/runtime.ts'
import { TimeoutError } from '../../../errors.ts'
import type { Members } from './members.ts'

export interface BarrierParts {
  readonly runtime: { readonly clock: Clock; readonly timers: Timers }
  /** Applied everything already: it made the change. */
  readonly self: string
  readonly lapseMs: number
  readonly load: () => Promise<Members>
  /** Asks every instance to say at once how far it has come. */
  readonly nudge: () => Promise<unknown>
}

/** Waits before each look after the first; the last one is repeated. */
const pausesMs = [20, 50, 100]

/** See `Bus.barrier`. */
export async function passBarrier(
  parts: BarrierParts,
  positions: readonly BusPosition[],
  timeoutMs: number,
): Promise<BarrierResult> {
  const { clock, timers } = parts.runtime
  const endsAt = clock.now() + timeoutMs
  let cause: unknown
  for (let look = 0; ; look++) {
    const leftMs = endsAt - clock.now()
    if (leftMs <= 0) throw tooLate(timeoutMs, cause)
    const late = { timers, error: () => tooLate(timeoutMs, cause) }
    try {
      const found = await withDeadline(lookOnce(parts, positions), leftMs, late)
      if (found !== undefined) return found
    } catch (error) {
      cause = error
    }
    const pauseMs = Math.min(pausesMs[Math.min(look, pausesMs.length - 1)] ?? 0, Math.max(0, endsAt - clock.now()))
    await new Promise<void>((resolve) => void timers.after(pauseMs, resolve))
  }
}

/** Undefined while somebody has neither applied the changes nor lapsed. */
async function lookOnce(parts: BarrierParts, positions: readonly BusPosition[]): Promise<BarrierResult | undefined> {
  const { self, lapseMs, load, nudge } = parts
  // The answer to the nudge shows at the next look; whoever has come far enough by itself shows at this one.
  nudge().catch(() => {})
  const { members, keptMs } = await load()
  // protocol P5 members-lost: when the server has lost its memory a while ago, somebody who is missing may still serve
  if (keptMs <= lapseMs) return undefined
  const acknowledged: string[] = []
  const lapsed: string[] = []
  for (const member of members) {
    // protocol P5 member-applied: an instance may serve until it has applied the change
    const hasApplied = positions.every(({ lane, sequence }) => (member.sequences[lane] ?? -1) >= sequence)
    if (hasApplied || member.id === self) acknowledged.push(member.id)
    // protocol P5 member-lapsed: an instance may serve as long as its last proof is good
    else if (member.ageMs > member.lapseMs) lapsed.push(member.id)
    else return undefined
  }
  return { acknowledged, lapsed }
}

function tooLate(timeoutMs: number, cause: unknown): TimeoutError {
  return new TimeoutError(
    `Not every instance has applied the change within ${timeoutMs} ms, or it cannot be found out. The change itself is made; give the barrier more time.`,
    { code: 'ERR_CACHE_TIER_TIMEOUT', operation: 'barrier', retryable: true, cause },
  )
}
