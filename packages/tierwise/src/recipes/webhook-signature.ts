import { optionError } from '../base/option-reader.ts'
import { headerOf, type RequestHeaders } from './request-headers.ts'
import { checkSecret, digestOf, isSameDigest, macOf, type Secret } from './secrets.ts'

/**
 * How partners sign. All of them HMAC-SHA-256:
 *
 * - `standard`: [Standard Webhooks](https://www.standardwebhooks.com). Over `<id>.<timestamp>.<body>`, in base64, in `webhook-signature`
 *   as `v1,<signature>`, several of them parted by spaces, beside `webhook-id` and `webhook-timestamp`. A secret that begins with
 *   `whsec_` is base64 after it.
 * - `stripe`: over `<timestamp>.<body>`, in hexadecimal digits, in `stripe-signature` as `t=<timestamp>,v1=<signature>`, `v1` several
 *   times. It signs no id, so that is a part of the body.
 */
export type WebhookFormat = 'standard' | 'stripe'

/** What a delivery says of itself. */
export interface SignedDelivery {
  /** Undefined in formats that sign none. */
  readonly id: string | undefined
  /** Epoch seconds, as text. */
  readonly timestamp: string
  readonly signatures: readonly Buffer[]
}

/** More of them are no rotation. */
const mostSignatures = 10

const forms = {
  /** Visible ASCII without a dot, which ends the id in what is signed. */
  id: /^[!-\-/-~]{1,256}$/,
  timestamp: /^\d{1,12}$/,
  base64: /^v1,([A-Za-z\d+/]{43}=)$/,
  hex: /^[\da-f]{64}$/,
}

/** What the fields say; undefined when they are missing or not of their form. */
export function readDelivery(
  headers: RequestHeaders,
  format: WebhookFormat,
  signatureHeader: string | undefined,
): SignedDelivery | undefined {
  const delivery = format === 'standard' ? readStandard(headers) : readStripe(headers, signatureHeader)
  const { length } = delivery.signatures
  const isFormed = forms.timestamp.test(delivery.timestamp) && length > 0 && length <= mostSignatures
  return isFormed && (format === 'stripe' || forms.id.test(delivery.id ?? '')) ? delivery : undefined
}

/** Whether one of the signatures is that of one of the secrets. */
export function isSignedBy(secrets: readonly Secret[], delivery: SignedDelivery, body: Uint8Array): boolean {
  const made = secrets.map((secret) => macOf(secret, headOf(delivery), body))
  return made.some((one) => delivery.signatures.some((signature) => isSameDigest(one, signature)))
}

/** What is signed by itself, for a delivery whose id nothing tells. */
export function contentDigest(delivery: SignedDelivery, body: Uint8Array): string {
  return digestOf(Buffer.concat([Buffer.from(headOf(delivery)), body]))
}

/** A delivery to sign. */
export interface WebhookToSign {
  /** Not used with `stripe`: it is a part of the body there. */
  readonly id: string
  /** Epoch seconds. */
  readonly timestamp: number
  readonly body: Uint8Array | string
}

/**
 * The header fields that sign a delivery; with several secrets, those of each.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const headers = signWebhook({ id: 'msg_1', timestamp, body }, { secrets: [secret] })
 */
export function signWebhook(
  { id, timestamp, body }: WebhookToSign,
  { secrets, format = 'standard' }: { readonly secrets: readonly Secret[]; readonly format?: WebhookFormat },
): Readonly<Record<string, string>> {
  const delivery = { id: format === 'standard' ? id : undefined, timestamp: String(timestamp), signatures: [] }
  if (!forms.timestamp.test(delivery.timestamp)) throw optionError('timestamp', timestamp, 'whole epoch seconds')
  if (delivery.id !== undefined && !forms.id.test(delivery.id))
    throw optionError('id', id, 'up to 256 visible ASCII characters without a dot')
  const keys = secrets.map((secret, index) => webhookSecret(secret, format, `secrets[${index}]`))
  const signatures = keys.map((secret) => macOf(secret, headOf(delivery), body))
  if (format === 'stripe') {
    const parts = [`t=${delivery.timestamp}`, ...signatures.map((signature) => `v1=${signature.toString('hex')}`)]
    return { 'Stripe-Signature': parts.join(',') }
  }
  return {
    'Webhook-Id': id,
    'Webhook-Timestamp': delivery.timestamp,
    'Webhook-Signature': signatures.map((signature) => `v1,${signature.toString('base64')}`).join(' '),
  }
}

/** The bytes of a secret, as its format has it: at least 24. @throws ConfigError ERR_CACHE_OPTION */
export function webhookSecret(raw: unknown, format: WebhookFormat, path: string): Secret {
  if (format === 'stripe' || typeof raw !== 'string' || !raw.startsWith('whsec_')) return checkSecret(raw, path, 24)
  return checkSecret(Buffer.from(raw.slice('whsec_'.length), 'base64'), path, 24)
}

function headOf({ id, timestamp }: SignedDelivery): string {
  return id === undefined ? `${timestamp}.` : `${id}.${timestamp}.`
}

function readStandard(headers: RequestHeaders): SignedDelivery {
  const listed = (headerOf(headers, 'webhook-signature') ?? '').split(' ')
  // Other versions stand beside those that are known here.
  const signatures = listed.flatMap((each) => forms.base64.exec(each)?.[1] ?? [])
  return {
    id: headerOf(headers, 'webhook-id') ?? '',
    timestamp: headerOf(headers, 'webhook-timestamp') ?? '',
    signatures: signatures.map((signature) => Buffer.from(signature, 'base64')),
  }
}

function readStripe(headers: RequestHeaders, name = 'stripe-signature'): SignedDelivery {
  const pairs = (headerOf(headers, name) ?? '').split(',').map((pair) => pair.trim().split('=', 2))
  const valuesOf = (wanted: string): string[] => pairs.flatMap(([key, value = '']) => (key === wanted ? [value] : []))
  const times = valuesOf('t')
  const signatures = valuesOf('v1').filter((signature) => forms.hex.test(signature))
  return {
    id: undefined,
    timestamp: times.length === 1 ? (times[0] ?? '') : '',
    signatures: signatures.map((signature) => Buffer.from(signature, 'hex')),
  }
}
