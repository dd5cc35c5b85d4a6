import type { LimitRule } from '../../src/contract/coordination.ts'

/** Says whether a request at a whole millisecond may pass, and remembers it if so. Slow, exact, and made otherwise than the rules are. */
export interface LimitReference {
  ask(now: number, cost: number): boolean
}

/** A reference for a rule whose numbers are whole. */
export function limitReference(rule: LimitRule): LimitReference {
  switch (rule.kind) {
    case 'bucket':
      return bucket(rule)
    case 'fixed-window':
      return fixed(rule)
    case 'sliding-window':
      return sliding(rule)
  }
}

interface Bucket {
  readonly capacity: number
  readonly limit: number
  readonly periodMs: number
}

/** In parts of a token, so that all is whole: each millisecond brings `limit` parts, a token is `periodMs` of them. */
function bucket({ capacity, limit, periodMs }: Bucket): LimitReference {
  let parts = BigInt(capacity * periodMs)
  let at: number | undefined
  return {
    ask: (now, cost) => {
      const passed = BigInt(now - (at ?? now))
      at = now
      parts += passed * BigInt(limit)
      const most = BigInt(capacity * periodMs)
      if (parts > most) parts = most
      const wanted = BigInt(cost * periodMs)
      if (parts < wanted) return false
      parts -= wanted
      return true
    },
  }
}

function fixed({ limit, periodMs }: { readonly limit: number; readonly periodMs: number }): LimitReference {
  let window: { readonly from: number; taken: number } | undefined
  return {
    ask: (now, cost) => {
      if (window !== undefined && now >= window.from + periodMs) window = undefined
      const taken = window?.taken ?? 0
      if (taken + cost > limit) return false
      window ??= { from: now, taken: 0 }
      window.taken += cost
      return true
    },
  }
}

function sliding({ limit, periodMs }: { readonly limit: number; readonly periodMs: number }): LimitReference {
  const passed: number[] = []
  return {
    ask: (now, cost) => {
      const recent = passed.filter((at) => at > now - periodMs).length
      if (recent + cost > limit) return false
      for (let unit = 0; unit < cost; unit++) passed.push(now)
      return true
    },
  }
}
