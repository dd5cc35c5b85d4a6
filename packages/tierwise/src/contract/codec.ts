import type { CompressionOptions } from './tier.ts'
import type { Entry, EntryHead, KeyedHead } from './entry.ts'

/** Turns a value into bytes and back, faithfully: the decoded value has the same type and content. */
export interface ValueCodec {
  /** Written into each frame; 1 is msgpack, 2 is JSON, 128 to 255 are free for your own. */
  readonly id: number
  readonly name: string
  /** @throws CodecError ERR_CACHE_ENCODE when the value has no faithful form (functions, symbols, cycles where unsupported). */
  encode(value: unknown): Uint8Array
  /** Must not keep a reference to `bytes`. @throws CodecError ERR_CACHE_DECODE */
  decode(bytes: Uint8Array): unknown
}

/** Keys for AES-256-GCM, newest first: the first encrypts, all decrypt. */
export interface EncryptionOptions {
  /** At least one. The first encrypts, all decrypt. */
  readonly keys: readonly EncryptionKey[]
}

/** One key and its number. */
export interface EncryptionKey {
  /** 0 to 255, written into each frame so that old frames find their key after a rotation. */
  readonly id: number
  /** 32 bytes. */
  readonly secret: Uint8Array
}

/** What frames are made with. */
export interface EnvelopeOptions {
  readonly codec: ValueCodec
  /** Further codecs that frames may have been written with. */
  readonly readers?: readonly ValueCodec[]
  readonly compression?: CompressionOptions
  readonly encryption?: EncryptionOptions
  /** A frame that would inflate to more than this is undecodable. @default 64 MiB */
  readonly maxPayloadBytes?: number
}

/** What values became in bytes, over all that was framed. */
export interface WrittenBytes {
  readonly values: number
  /** Before and after compression, heads and encryption left out. */
  readonly rawBytes: number
  readonly storedBytes: number
}

/** The wire format of an entry in every byte tier; see docs/reference/wire-format.md. */
export interface Envelope {
  /** What was framed so far; absent where nothing is. */
  readonly written?: WrittenBytes
  /** Encodes the value alone, so that several tiers can share the work. @throws CodecError ERR_CACHE_ENCODE */
  encodeValue(value: unknown): Uint8Array
  /** Frames an encoded value: head, key, checksum, compressed and encrypted as configured. */
  frame(key: string, head: EntryHead, payload: Uint8Array): Uint8Array
  /** `version`: given by the store, instead of that in the frame. @throws CodecError ERR_CACHE_DECODE for damaged, foreign or misplaced bytes (the frame's key is not `key`), ERR_CACHE_FORMAT_NEWER */
  decode(bytes: Uint8Array, key: string, version?: number): Entry
  /** The head and the key without decoding the value. @throws CodecError as `decode` */
  head(bytes: Uint8Array): KeyedHead
}
