import type { CacheEventType } from '../contract/events.ts'

/** Events that are told seldom while all is well: listening to them costs nothing to speak of. */
export const rareEvents: readonly CacheEventType[] = [
  'tier-error',
  'tier-retry',
  'breaker',
  'evict',
  'bad-record',
  'intent',
  'tier-notice',
  'bus',
  'lifecycle',
  'policy-violation',
  'background-error',
]
