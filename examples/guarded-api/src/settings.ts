/** What a service is started with. Secrets are at least 32 bytes long. */
export interface Settings {
  /** On 127.0.0.1; 0 takes a free one. */
  readonly port: number
  /** Without one the state is in this process. */
  readonly redisUrl?: string | undefined
  /** How many of this service there are: each may let through its share of a limit while Redis is away. */
  readonly processes: number
  /** Whether browsers reach it over TLS, so that the cookie may be `Secure`. */
  readonly tls: boolean
  /** For the HMAC of access tokens. */
  readonly accessSecret: string
  /** For the HMAC of API keys. */
  readonly pepper: string
  /** Signs orders; the partner has it too. */
  readonly orderSecret: string
  /** Signs webhooks; the partner has it too. */
  readonly webhookSecret: string
  /** Whose prices are passed on. */
  readonly pricesUrl: string
  /** Told in one line what an operator should know. */
  readonly log: (line: string) => void
}

/** The partner of the demonstration. Its key has an id of its own, so that there can be two while it is rotated. */
export const partner = { name: 'acme', orderKeyId: 'acme-2026' } as const

/**
 * From PORT, REDIS_URL, PROCESSES, TLS, ACCESS_SECRET, PEPPER, ORDER_SECRET and WEBHOOK_SECRET.
 *
 * @throws RangeError for a secret that is too short
 */
export function settingsFrom(environment: NodeJS.ProcessEnv): Omit<Settings, 'pricesUrl' | 'log'> {
  const secret = (name: string): string => {
    const given = environment[name] ?? `of the demonstration, so not secret: ${name}`
    if (Buffer.byteLength(given) < 32) throw new RangeError(`${name} must be at least 32 bytes long.`)
    return given
  }
  return {
    port: Number(environment['PORT'] ?? 8080),
    redisUrl: environment['REDIS_URL'],
    processes: Number(environment['PROCESSES'] ?? 1),
    tls: environment['TLS'] === 'true',
    accessSecret: secret('ACCESS_SECRET'),
    pepper: secret('PEPPER'),
    orderSecret: secret('ORDER_SECRET'),
    webhookSecret: secret('WEBHOOK_SECRET'),
  }
}
