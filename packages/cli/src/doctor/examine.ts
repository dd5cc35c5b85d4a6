import type { ConfiguredTier, ExaminationContext } from './configured-tier.ts'
import { tiersOf } from './configured-tier.ts'
import { examineDisk } from './examine-disk.ts'
import { examineMemory } from './examine-memory.ts'
import { examinePostgres } from './postgres/examine-postgres.ts'
import type { TierExamination } from './finding.ts'
import { examineRedis } from './redis/examine-redis.ts'

type Examine = (tier: ConfiguredTier, context: ExaminationContext) => TierExamination | Promise<TierExamination>

const byType: Readonly<Record<string, Examine>> = {
  memory: (tier) => examineMemory(tier),
  redis: examineRedis,
  disk: examineDisk,
  postgres: examinePostgres,
  'postgres-views': examinePostgres,
}

/** Examines every tier of the chain, all at once; the order is that of the chain. */
export function examineTiers(
  context: ExaminationContext,
  onDone: (tier: string) => void,
): Promise<readonly TierExamination[]> {
  return Promise.all(
    tiersOf(context.configuration).map(async (tier) => {
      const examination = await (byType[tier.type] ?? unknownTier)(tier, context)
      onDone(tier.name)
      return examination
    }),
  )
}

function unknownTier({ name, type }: ConfiguredTier): TierExamination {
  const message = `Tiers of the type ${type} cannot be examined`
  const findings = [{ severity: 'advice', code: 'type-unknown', message }] as const
  return { tier: name, type, place: 'unknown', reachable: undefined, facts: {}, servers: {}, findings }
}
