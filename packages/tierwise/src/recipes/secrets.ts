import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

import { ConfigError } from '../index.ts'

/** A secret that both sides know; a text stands for its UTF-8 bytes. */
export type Secret = string | Uint8Array

/** SHA-256, base64url: 43 letters, digits, `-` and `_`. */
export function digestOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('base64url')
}

/** HMAC-SHA-256 of parts that follow each other. */
export function macOf(secret: Secret, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const mac = createHmac('sha256', secret)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** Whether two digests are equal, in a time that does not tell where they differ. */
export function isSameDigest(one: string | Uint8Array, other: string | Uint8Array): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** 256 random bits, base64url. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** @throws ConfigError ERR_CACHE_OPTION for one that could be guessed; it is not shown */
export function checkSecret(raw: unknown, path: string, leastBytes: number): Secret {
  const bytes = typeof raw === 'string' || raw instanceof Uint8Array ? Buffer.byteLength(raw) : undefined
  if (bytes !== undefined && bytes >= leastBytes) return raw as Secret
  const found = bytes === undefined ? 'is no text and no bytes' : `has ${bytes} bytes`
  throw new ConfigError(`\`${path}\` ${found}; it must be a secret of at least ${leastBytes} bytes.`, {
    code: 'ERR_CACHE_OPTION',
  })
}
