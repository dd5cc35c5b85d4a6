import type { CoordinationStore, LimitRule } from '../../contract/coordination.ts'
import { noticeOf } from './messages.ts'
import type { Ask } from './steps.ts'
import { bytesOf } from './stored-text.ts'
import { boundedStretch, leftIn } from './stretches.ts'

/** The steps of who is the only one. */
export function tenureSteps(ask: Ask): Pick<CoordinationStore, 'acquire' | 'renew' | 'release'> {
  return {
    acquire: async (key, owner, { ttlMs, waitMs = 0 }) => {
      const [row] = await ask('acquire', key, [bytesOf(owner), boundedStretch(ttlMs), boundedStretch(waitMs)])
      const fence = row?.['granted_fence'] ?? null
      if (fence !== null) return { kind: 'granted', fence: Number(fence) }
      return { kind: 'busy', leftMs: leftIn(row?.['left_ms']), ahead: Number(row?.['ahead']) }
    },
    renew: async (key, owner, ttlMs) => isTrue(await ask('renew', key, [bytesOf(owner), boundedStretch(ttlMs)])),
    release: async (key, owner) => isTrue(await ask('release', key, [bytesOf(owner), noticeOf(`released:${key}`)])),
  }
}

/** The steps of how often something may be done. */
export function limitSteps(ask: Ask): Pick<CoordinationStore, 'take' | 'giveBack'> {
  return {
    take: async (key, rule, { cost, isPeek = false }) => {
      const { kind, limit, periodMs } = rule
      const [row = {}] = await ask('take', key, [kind, capacityOf(rule), limit, periodMs, cost, isPeek])
      return {
        allowed: row['allowed'] === true,
        remaining: Number(row['remaining']),
        retryAfterMs: row['retry_ms'] === null ? Infinity : Number(row['retry_ms']),
        resetAfterMs: Number(row['reset_ms']),
        at: Number(row['at_ms']),
      }
    },
    giveBack: async (key, { kind, limit, periodMs }, { units, at }) => {
      await ask('giveBack', key, [kind, limit, periodMs, units, at])
    },
  }
}

function capacityOf(rule: LimitRule): number {
  return rule.kind === 'bucket' ? rule.capacity : rule.limit
}

function isTrue([row]: readonly Readonly<Record<string, unknown>>[]): boolean {
  return row?.['answer'] === true
}
