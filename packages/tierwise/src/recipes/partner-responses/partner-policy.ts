import { ConfigError, parseDuration } from '../../index.ts'
import type { Duration } from '../../index.ts'
import type { Identity } from './partner-request.ts'

/** How responses of a partner are kept. */
export interface PartnerPolicy {
  /**
   * Whether what is kept may serve several users of one credential. `false` keeps responses that are `private`, or that
   * answer a request with Authorization, as well: for credentials that stand for one user. @default true
   */
  readonly shared?: boolean
  /** Who asks, where no header of the request tells: the fingerprint of a client certificate, say. @default none */
  readonly credential?: string
  /** The headers that tell who asks. @default every one with auth, cookie, credential, key, secret, session or token in its name */
  readonly credentialHeaders?: readonly string[]
  /** Larger bodies are handed on as they come, and not kept. @default 1_048_576 */
  readonly maxBodyBytes?: number
  /** How long a response is kept when it is not fresh any more: to be confirmed, or to stand in where the partner allows. @default '1h' */
  readonly keepStale?: Duration
  /** Keep responses that set cookies, with their cookies. @default false */
  readonly keepSetCookie?: boolean
  /** Share of its age that a response without an explicit life is fresh for, as its Last-Modified tells; 0 to 1. @default 0 */
  readonly heuristic?: number
}

export type ResolvedPolicy = Required<Omit<PartnerPolicy, 'credential' | 'credentialHeaders'>> &
  Pick<PartnerPolicy, 'credential' | 'credentialHeaders'>

const defaults = { shared: true, maxBodyBytes: 1_048_576, keepStale: '1h', keepSetCookie: false, heuristic: 0 } as const

const checks: {
  readonly [K in keyof Required<PartnerPolicy>]: readonly [allowed: string, test: (raw: unknown) => boolean]
} = {
  shared: ['true or false', isBoolean],
  credential: ['a text that is not empty', isText],
  credentialHeaders: ['a list of names of headers', (raw) => Array.isArray(raw) && raw.every(isText)],
  maxBodyBytes: ['a whole number of bytes', (raw) => Number.isSafeInteger(raw) && (raw as number) >= 0],
  keepStale: [
    "a positive number of milliseconds or a text like '30s', '1h'",
    (raw) => parseDuration(raw as Duration) !== undefined,
  ],
  keepSetCookie: ['true or false', isBoolean],
  heuristic: ['a number from 0 to 1', (raw) => typeof raw === 'number' && raw >= 0 && raw <= 1],
}

/** @throws ConfigError ERR_CACHE_OPTION */
export function resolvePolicy(path: string, policy: PartnerPolicy): ResolvedPolicy {
  for (const [name, value] of Object.entries(policy)) {
    const check = Object.hasOwn(checks, name) ? checks[name as keyof PartnerPolicy] : undefined
    if (check === undefined)
      throw optionError(`\`${path}.${name}\` is not an option. Known: ${Object.keys(checks).join(', ')}.`)
    if (value !== undefined && !check[1](value)) throw optionError(`\`${path}.${name}\` must be ${check[0]}.`)
  }
  const given = Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined))
  return Object.freeze({ ...defaults, ...given })
}

const likelyCredential = /auth|cookie|credential|key|secret|session|token/
const partnerName = /^[\w.-]{1,64}$/

/** @throws ConfigError ERR_CACHE_OPTION */
export function identityOf(partner: string, policy: ResolvedPolicy, secret: string | undefined): Identity {
  if (typeof partner !== 'string' || !partnerName.test(partner))
    throw optionError('The name of a partner must be 1 to 64 letters, digits, `_`, `-` and `.`.')
  const { credential, credentialHeaders } = policy
  const listed = credentialHeaders && new Set(credentialHeaders.map((name) => name.toLowerCase()))
  const isCredential = (header: string): boolean => listed?.has(header) ?? likelyCredential.test(header)
  return { partner, credential, isCredential, secret }
}

function isBoolean(raw: unknown): boolean {
  return typeof raw === 'boolean'
}

function isText(raw: unknown): boolean {
  return typeof raw === 'string' && raw !== ''
}

function optionError(message: string): ConfigError {
  return new ConfigError(message, { code: 'ERR_CACHE_OPTION' })
}
