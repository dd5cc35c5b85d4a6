/** `authentication`: name or password refused, or none given. `permission`: the user may not do this. `certificate`: a certificate was not accepted. `tls`: no common way to encrypt. */
export type RefusalKind = 'authentication' | 'permission' | 'certificate' | 'tls'

export interface Refusal {
  readonly kind: RefusalKind
  readonly code: string
}

/** First words of the replies that refuse a client, and the codes of Node's TLS errors. */
const kinds: Readonly<Record<string, RefusalKind>> = {
  NOAUTH: 'authentication',
  WRONGPASS: 'authentication',
  DENIED: 'authentication',
  NOPERM: 'permission',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate',
  CERT_HAS_EXPIRED: 'certificate',
  CERT_NOT_YET_VALID: 'certificate',
  CERT_REVOKED: 'certificate',
  CERT_UNTRUSTED: 'certificate',
  CERT_REJECTED: 'certificate',
  CERT_CHAIN_TOO_LONG: 'certificate',
  CERT_SIGNATURE_FAILURE: 'certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate',
  INVALID_CA: 'certificate',
  INVALID_PURPOSE: 'certificate',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'certificate',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'tls',
}

/** Redis 5 and older have no code of their own for a wrong password. */
const oldRefusals = /^ERR (invalid password|Client sent AUTH|AUTH <password> called without)/

const deepest = 5

/** Whether an error, or what caused it, refuses this client for a reason of security. */
export function refusalOf(error: unknown, depth = 0): Refusal | undefined {
  if (!(error instanceof Error) || depth > deepest) return undefined
  const { code } = error as { readonly code?: unknown }
  return refusalOfCode(code) ?? refusalOfReply(error.message) ?? refusalOf(error.cause, depth + 1)
}

/** Of the error line of a server, its leading dash left off. */
export function refusalOfReply(reply: string): Refusal | undefined {
  if (oldRefusals.test(reply)) return { kind: 'authentication', code: 'ERR' }
  return refusalOfCode(/^[A-Z][A-Z0-9]*(?= |$)/.exec(reply)?.[0])
}

function refusalOfCode(code: unknown): Refusal | undefined {
  if (typeof code !== 'string') return undefined
  const kind = Object.hasOwn(kinds, code) ? kinds[code] : code.startsWith('ERR_SSL_') ? 'tls' : undefined
  if (kind === undefined) return undefined
  return { kind, code }
}
