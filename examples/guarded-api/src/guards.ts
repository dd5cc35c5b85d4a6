import type { LimitDecision } from 'tierwise/coordination'
import { apiKeys, refreshTokens, requestSigning, tokenBlacklist, webhooks } from 'tierwise/recipes'
import type { ApiKeys, RefreshTokens, RequestSigning, TokenBlacklist, Webhooks } from 'tierwise/recipes'
import { partner } from './settings.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'

/** What stands before the routes. */
export interface Guards {
  readonly logins: LoginLimits
  readonly revoked: TokenBlacklist
  readonly sessions: RefreshTokens
  readonly keys: ApiKeys
  readonly signing: RequestSigning
  readonly hooks: Webhooks
}

/** How long an access token is good, so how long a revocation of one has to be remembered. */
export const accessMs = 10 * 60_000
const maxWebhookBytes = 16_384

export function createGuards({ coordination }: Store, settings: Settings): Guards {
  const { processes, pepper, orderSecret, webhookSecret, log } = settings
  const revoked = tokenBlacklist(coordination, { userLife: '1h', unknownLife: '1h' })
  // Of two who hold one refresh token nobody knows which is the thief. Its session has ended; the access token that he got
  // with it has not.
  const endAccess = (userId: string): void => {
    log(`a refresh token of ${userId} was used twice: the session was revoked`)
    revoked.revokeUser(userId, { reason: 'reuse' }).catch((error: unknown) => log(`not revoked: ${String(error)}`))
  }
  return {
    revoked,
    logins: createLoginLimits({ coordination }, processes),
    sessions: refreshTokens(coordination, {
      maxSessions: 5,
      onEvent: (event) => event.type === 'reuse' && endAccess(event.session.userId),
    }),
    keys: apiKeys(coordination, { peppers: [{ id: '2026', secret: pepper }], prefix: 'demo' }),
    signing: requestSigning(coordination, { keys: [{ id: partner.orderKeyId, secret: orderSecret }] }),
    hooks: webhooks(coordination, {
      partners: { [partner.name]: { secrets: [webhookSecret] } },
      maxBytes: maxWebhookBytes,
    }),
  }
}

/** How often somebody may try a password. */
export interface LoginLimits {
  take(address: string, user: string): Promise<LimitDecision>
  /** The password was right: what was tried before does not count any more. */
  forgive(address: string, user: string): Promise<void>
}

/**
 * By address, against one who tries a password on many users; and by address and user, so that nobody can lock a user out
 * from elsewhere. While the store is away each process counts for itself: logins are still limited then.
 */
function createLoginLimits({ coordination }: Pick<Store, 'coordination'>, processes: number): LoginLimits {
  const local = { failure: 'local', share: 1 / processes } as const
  const ofAddress = coordination.rateLimiter('login_address', { limit: 30, period: '1m', ...local })
  const ofUser = coordination.rateLimiter('login_user', { limit: 4, period: '1m', ...local })
  return {
    async take(address, user) {
      const decision = await ofAddress.consume(address)
      return decision.allowed ? ofUser.consume(`${address} ${user}`) : decision
    },
    forgive: (address, user) => ofUser.reset(`${address} ${user}`),
  }
}
