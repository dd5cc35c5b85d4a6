import type { Envelope, EnvelopeOptions, ValueCodec } from '../contract/codec.ts'
import type { Entry, EntryHead, KeyedHead } from '../contract/entry.ts'
import { CodecError, ConfigError } from '../errors.ts'
import { createCompression, type Compression } from './envelope/compression.ts'
import { createEncryption, nonceBytes, sealBytes, type Encryption } from './envelope/encryption.ts'
import { at } from './envelope/layout.ts'
import { entryOf, isFor, keyOf, parseFrame, type ParsedFrame } from './envelope/parse-frame.ts'
import { pack, unpack } from './envelope/payload.ts'
import { beginFrame, finishFrame, type BegunFrame } from './envelope/write-frame.ts'
import { undecodable } from './refusal.ts'

const defaultMaxPayloadBytes = 64 * 1024 * 1024

/**
 * Builds the wire format of entries for one tier.
 *
 * @throws ConfigError for a compression that this Node lacks, unusable encryption keys, two codecs with one id
 */
export function createEnvelope(options: EnvelopeOptions): Envelope {
  return new FrameEnvelope(options)
}

class FrameEnvelope implements Envelope {
  readonly #codec: ValueCodec
  readonly #readers: ReadonlyMap<number, ValueCodec>
  readonly #compression: Compression | undefined
  readonly #encryption: Encryption | undefined
  readonly #maxBytes: number
  readonly written: { values: number; rawBytes: number; storedBytes: number } = {
    values: 0,
    rawBytes: 0,
    storedBytes: 0,
  }

  constructor({ codec, readers = [], compression, encryption, maxPayloadBytes }: EnvelopeOptions) {
    this.#codec = codec
    this.#readers = codecsById([codec, ...readers])
    this.#compression = compression && createCompression(compression)
    this.#encryption = encryption && createEncryption(encryption)
    this.#maxBytes = maxPayloadBytes ?? defaultMaxPayloadBytes
  }

  encodeValue(value: unknown): Uint8Array {
    return this.#codec.encode(value)
  }

  frame(key: string, head: EntryHead, payload: Uint8Array): Uint8Array {
    const packed = pack(payload, this.#compression, this.#maxBytes)
    this.written.values++
    this.written.rawBytes += payload.length
    this.written.storedBytes += packed.bytes.length
    const encryption = this.#encryption
    const begun = beginFrame(key, head, {
      codecId: this.#codec.id,
      compressionId: packed.id,
      encryptionKeyId: encryption?.keyId,
      valueBytes: payload.length,
      storedBytes: packed.bytes.length + (encryption === undefined ? 0 : sealBytes),
    })
    if (encryption === undefined) begun.bytes.set(packed.bytes, begun.bodyAt)
    else seal(begun, packed.bytes, encryption)
    return finishFrame(begun.bytes)
  }

  decode(bytes: Uint8Array, key: string, version?: number): Entry {
    const frame = parseFrame(bytes)
    if (!isFor(frame, key)) throw undecodable('the frame belongs to another key')
    return entryOf(frame, this.#decodeValue(frame), version)
  }

  head(bytes: Uint8Array): KeyedHead {
    const frame = parseFrame(bytes)
    const { value: _absent, ...head } = entryOf(frame, undefined)
    return { key: keyOf(frame), ...head }
  }

  #decodeValue(frame: ParsedFrame): unknown {
    const { codecId } = frame
    const codec = this.#readers.get(codecId)
    if (codec === undefined) throw undecodable(`it was written with codec ${codecId}, which is not configured`)
    const payload = unpack(frame, { encryption: this.#encryption, maxBytes: this.#maxBytes })
    try {
      return codec.decode(payload)
    } catch (error) {
      throw error instanceof CodecError ? error : undecodable(`codec ${codec.name} failed`, error)
    }
  }
}

/** The nonce is part of what is authenticated, so it is written first. */
function seal({ bytes, bodyAt }: BegunFrame, payload: Uint8Array, encryption: Encryption): void {
  const sealedAt = bodyAt + nonceBytes
  const nonce = encryption.nonce()
  bytes.set(nonce, bodyAt)
  bytes.set(encryption.seal(payload, nonce, bytes.subarray(at.version, sealedAt)), sealedAt)
}

function codecsById(codecs: readonly ValueCodec[]): Map<number, ValueCodec> {
  const byId = new Map<number, ValueCodec>()
  for (const codec of codecs) {
    const known = byId.get(codec.id)
    const isByte = Number.isInteger(codec.id) && codec.id > 0 && codec.id < 256
    if (!isByte || (known !== undefined && known.name !== codec.name)) {
      throw new ConfigError(`Codec ${codec.name} needs an id of its own from 1 to 255, not ${codec.id}`, {
        code: 'ERR_CACHE_OPTION',
      })
    }
    byId.set(codec.id, known ?? codec)
  }
  return byId
}
