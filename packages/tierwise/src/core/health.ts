import type { BreakerState } from '../contract/events.ts'
import type { Health, TierHealth } from '../contract/health.ts'
import type { Clock } from '../contract/runtime.ts'
import type { Chain } from './chain.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import type { Engine } from './namespace.ts'

interface Examined {
  readonly engine: Engine
  readonly state: Health['state']
  readonly chain: Chain
  readonly requiredTiers: readonly string[]
  /** Whether each tier is asked. */
  readonly isDeep: boolean
}

/** How the manager is, from what is known; with `isDeep` after asking. */
export async function examine({ engine, state, chain, requiredTiers, isDeep }: Examined): Promise<Health> {
  const { clock } = engine.runtime
  const below = await Promise.all(chain.tiers.map((tier) => examineTier(tier, { clock, isDeep })))
  const tiers = [...memoryOf(chain), ...below]
  const bus = engine.fleet?.health
  const isHeard = bus === undefined || bus.confirmedAgoMs !== undefined || state !== 'started'
  const healthy = isHeard && tiers.every((tier) => tier.healthy)
  const live = state !== 'stopped'
  const isUsable = requiredTiers.every((name) => isInUse(tiers.find((tier) => tier.name === name)))
  const whileLive = healthy ? 'up' : 'degraded'
  return {
    healthy,
    status: live && isUsable ? whileLive : 'down',
    live,
    // Before the first use nothing is known to be wrong: who waits for traffic to become ready would wait for ever.
    ready: isUsable && (state === 'started' || (live && requiredTiers.length === 0)),
    state,
    tiers,
    bus,
    pendingWrites: engine.writeBehind.size,
  }
}

function memoryOf({ local }: Chain): readonly TierHealth[] {
  if (local === undefined) return []
  return [{ name: local.name, healthy: true, breaker: 'closed', intents: 0, usage: local.tier.usage() }]
}

async function examineTier(
  tier: GuardedTier,
  { clock, isDeep }: { readonly clock: Clock; readonly isDeep: boolean },
): Promise<TierHealth> {
  const before = clock.now()
  const usage = isDeep ? await tier.usage() : undefined
  const breakers = tier.breakerStates
  const breaker = worst(Object.values(breakers))
  const state = { name: tier.name, breaker, breakers, intents: tier.owed, usage }
  const healthy = breaker === 'closed' && tier.owed === 0 && (!isDeep || usage !== undefined)
  return isDeep ? { ...state, healthy, latencyMs: clock.now() - before } : { ...state, healthy }
}

/** Whether a tier answers, as far as is known; what waits to reach it does not count. */
function isInUse(tier: TierHealth | undefined): boolean {
  return tier?.breaker === 'closed' && (tier.latencyMs === undefined || tier.usage !== undefined)
}

function worst(states: readonly BreakerState[]): BreakerState {
  return states.find((state) => state === 'open') ?? states.find((state) => state === 'half-open') ?? 'closed'
}
