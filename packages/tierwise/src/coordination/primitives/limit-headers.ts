import type { LimitDecision } from './rate-limiter.ts'

/** Which generation of header fields. */
export interface LimitHeaderOptions {
  /**
   * `structured`: `RateLimit` and `RateLimit-Policy` as structured fields, of the IETF draft "RateLimit header fields for HTTP" from
   * its 8th version on. `separate`: `RateLimit-Limit`, `-Remaining` and `-Reset`, of its versions before, which most clients
   * know. @default both
   */
  readonly style?: 'structured' | 'separate' | 'both'
  /** Name of the policy in structured fields. Printable ASCII. @default 'default' */
  readonly policy?: string
}

/**
 * Header fields for a response: what is left and when there is more, in seconds, rounded up; with `Retry-After` when it was
 * refused.
 *
 * @example
 * const decision = await limiter.consume('someone')
 * console.log(rateLimitHeaders(decision, { style: 'structured' })['RateLimit']) // => "default";r=99;t=60
 */
export function rateLimitHeaders(
  decision: LimitDecision,
  { style = 'both', policy = 'default' }: LimitHeaderOptions = {},
): Readonly<Record<string, string>> {
  const { allowed, limit, periodMs, remaining, resetAfterMs, retryAfterMs } = decision
  const name = structuredString(policy)
  const reset = seconds(resetAfterMs)
  const structured = {
    'RateLimit-Policy': `${name};q=${limit};w=${seconds(periodMs)}`,
    RateLimit: `${name};r=${remaining};t=${reset}`,
  }
  const separate = {
    'RateLimit-Limit': String(limit),
    'RateLimit-Remaining': String(remaining),
    'RateLimit-Reset': String(reset),
  }
  return {
    ...(style === 'separate' ? {} : structured),
    ...(style === 'structured' ? {} : separate),
    ...(allowed || retryAfterMs === Infinity ? {} : { 'Retry-After': String(seconds(retryAfterMs)) }),
  }
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000)
}

/** A string of RFC 8941. */
function structuredString(text: string): string {
  if (!/^[\x20-\x7e]+$/.test(text)) throw new RangeError('`policy` must be printable ASCII.')
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
