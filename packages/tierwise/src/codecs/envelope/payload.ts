import { undecodable } from '../refusal.ts'
import { decompress, type Compression } from './compression.ts'
import { nonceBytes, sealBytes, type Encryption } from './encryption.ts'
import { at } from './layout.ts'
import type { ParsedFrame } from './parse-frame.ts'

/** How the payload of a frame was made from the encoded value: compressed, then encrypted. */
export interface PayloadForm {
  readonly codecId: number
  /** 0 when it is not compressed. */
  readonly compressionId: number
  /** Undefined when it is not encrypted. */
  readonly encryptionKeyId: number | undefined
  /** Size of the encoded value. */
  readonly valueBytes: number
  /** Size of the payload as the frame holds it, without the nonce. */
  readonly storedBytes: number
}

export interface Packed {
  readonly id: number
  readonly bytes: Uint8Array
}

/** Compresses when that is asked for, worth it, and can be undone within `maxBytes`. */
export function pack(value: Uint8Array, compression: Compression | undefined, maxBytes: number): Packed {
  const plain = { id: 0, bytes: value }
  if (compression === undefined || value.length < compression.threshold || value.length > maxBytes) return plain
  const bytes = compression.compress(value)
  return bytes.length < value.length ? { id: compression.id, bytes } : plain
}

export interface Unpacking {
  readonly encryption: Encryption | undefined
  readonly maxBytes: number
}

/** The encoded value of a frame; it may share memory with the frame. @throws CodecError ERR_CACHE_DECODE */
export function unpack(frame: ParsedFrame, { encryption, maxBytes }: Unpacking): Uint8Array {
  const { compressionId, valueBytes } = frame
  // With keys configured, an unencrypted frame could come from anybody who can write to the store.
  const isEncrypted = frame.encryptionKeyId !== undefined
  if (isEncrypted !== (encryption !== undefined)) {
    throw undecodable(isEncrypted ? 'the frame is encrypted and no key is configured' : 'the frame is not encrypted')
  }
  const stored = encryption === undefined ? storedBytes(frame) : open(frame, encryption)
  if (compressionId !== 0) {
    if (valueBytes > maxBytes) throw undecodable(`the value would inflate to more than ${maxBytes} bytes`)
    return decompress(compressionId, stored, valueBytes)
  }
  if (stored.length !== valueBytes) throw undecodable('the value does not have its announced size')
  return stored
}

function storedBytes({ bytes, bodyAt, storedBytes: length }: ParsedFrame): Uint8Array {
  return bytes.subarray(bodyAt, bodyAt + length)
}

function open(frame: ParsedFrame, encryption: Encryption): Uint8Array {
  const { bytes, bodyAt, storedBytes: length, encryptionKeyId = 0 } = frame
  if (length < sealBytes) throw undecodable('the encrypted value is too short')
  const sealedAt = bodyAt + nonceBytes
  return encryption.open(encryptionKeyId, {
    nonce: bytes.subarray(bodyAt, sealedAt),
    sealed: bytes.subarray(sealedAt, sealedAt + length),
    context: bytes.subarray(at.version, sealedAt),
  })
}
