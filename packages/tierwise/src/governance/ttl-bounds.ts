import type { GovernanceMode } from '../contract/options.ts'
import type { Breach } from './governor.ts'
import type { RuleSet } from './rule-set.ts'

/** A ttl within its bounds, and what was wrong with the one that was asked for. */
export interface BoundTtl {
  readonly ttlMs: number
  readonly breach: Breach | undefined
}

/** A cap holds in every mode; a ttl that is too short is raised only where rules are enforced. */
export function boundTtl(ttlMs: number, { maxTtlMs, minTtlMs, license }: RuleSet, mode: GovernanceMode): BoundTtl {
  if (ttlMs > maxTtlMs) {
    const limit = license === undefined ? 'at most' : `the licence \`${license}\` allows at most`
    return {
      ttlMs: maxTtlMs,
      breach: {
        rule: license === undefined ? 'ttl-too-long' : 'license',
        detail: `asks for a ttl of ${ttlMs} ms, ${limit} ${maxTtlMs} ms${license === undefined ? ' are allowed' : ''}`,
        ttl: { requestedMs: ttlMs, maxAllowedMs: maxTtlMs, license },
      },
    }
  }
  if (ttlMs >= minTtlMs || mode === 'off') return { ttlMs, breach: undefined }
  return {
    ttlMs: mode === 'enforce' ? minTtlMs : ttlMs,
    breach: {
      rule: 'ttl-too-short',
      detail: `asks for a ttl of ${ttlMs} ms, at least ${minTtlMs} ms are demanded`,
      ttl: { requestedMs: ttlMs, maxAllowedMs: maxTtlMs, license: undefined },
    },
  }
}
