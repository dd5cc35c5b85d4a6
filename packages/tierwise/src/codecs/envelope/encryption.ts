import type * as Crypto from 'node:crypto'
import type { EncryptionOptions } from '../../contract/codec.ts'
import { ConfigError } from '../../errors.ts'
import { undecodable } from '../refusal.ts'

export const nonceBytes = 12
/** The authentication tag follows the ciphertext. */
export const sealBytes = 16

const algorithm = 'aes-256-gcm'
const secretBytes = 32

/**
 * AES-256-GCM under the newest of several keys.
 *
 * A nonce is 96 random bits, so one key should seal no more than 2^32 frames. What precedes the ciphertext in the frame,
 * the cache key above all, is authenticated with it: a frame copied to another key does not open.
 */
export interface Encryption {
  readonly keyId: number
  nonce(): Uint8Array
  seal(plain: Uint8Array, nonce: Uint8Array, context: Uint8Array): Uint8Array
  /** @throws CodecError ERR_CACHE_DECODE for an unknown key, a changed frame or another context */
  open(keyId: number, box: Sealed): Uint8Array
}

export interface Sealed {
  readonly nonce: Uint8Array
  /** Ciphertext and authentication tag. */
  readonly sealed: Uint8Array
  /** Authenticated, not encrypted. */
  readonly context: Uint8Array
}

/** @throws ConfigError for no key, a key that is not 32 bytes, an id out of range or used twice */
export function createEncryption(options: EncryptionOptions): Encryption {
  // Loading node:crypto takes longer than the rest of this library, and most caches do not encrypt.
  const crypto = process.getBuiltinModule('node:crypto')
  const secrets = secretsById(options, crypto)
  const [newest] = secrets
  if (newest === undefined) throw refused('needs at least one key')
  const [keyId, secret] = newest
  return {
    keyId,
    nonce: () => crypto.randomBytes(nonceBytes),
    seal(plain, nonce, context) {
      const cipher = crypto.createCipheriv(algorithm, secret, nonce).setAAD(context)
      return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    open(id, { nonce, sealed, context }) {
      const known = secrets.get(id)
      if (known === undefined) throw undecodable(`it was encrypted with key ${id}, which is not configured`)
      const decipher = crypto.createDecipheriv(algorithm, known, nonce, { authTagLength: sealBytes }).setAAD(context)
      decipher.setAuthTag(sealed.subarray(sealed.length - sealBytes))
      const plain = decipher.update(sealed.subarray(0, sealed.length - sealBytes))
      try {
        decipher.final()
      } catch (cause) {
        throw undecodable('the value was changed, or sealed for another key or with another secret', cause)
      }
      return plain
    },
  }
}

function secretsById(options: EncryptionOptions, crypto: typeof Crypto): Map<number, Crypto.KeyObject> {
  const secrets = new Map<number, Crypto.KeyObject>()
  for (const { id, secret } of options.keys) {
    if (!Number.isInteger(id) || id < 0 || id > 255) throw refused(`key ids are 0 to 255, not ${id}`)
    if (secrets.has(id)) throw refused(`key id ${id} is used twice`)
    if (secret.length !== secretBytes) throw refused(`key ${id} has ${secret.length} bytes instead of ${secretBytes}`)
    secrets.set(id, crypto.createSecretKey(secret))
  }
  return secrets
}

function refused(reason: string): ConfigError {
  return new ConfigError(`Encryption: ${reason}`, { code: 'ERR_CACHE_OPTION' })
}
