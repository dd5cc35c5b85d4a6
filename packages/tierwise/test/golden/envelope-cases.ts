import type { EnvelopeOptions } from '../../src/contract/codec.ts'
import type { EntryHead } from '../../src/contract/entry.ts'

/** How the frames of a golden file were written, and what they say. */
export interface GoldenFrame {
  readonly file: string
  readonly codec: 'msgpack' | 'json'
  readonly compression?: NonNullable<EnvelopeOptions['compression']>
  readonly encryptionKeyId?: number
  /** Set in the file after it was framed. */
  readonly softExpired?: boolean
  /** As decoded; "forever" stands for `Infinity`, which JSON lacks. */
  readonly head: { readonly [name in keyof EntryHead]: EntryHead[name] | 'forever' } & { readonly key: string }
  /** Tagged JSON, as the JSON codec writes it. */
  readonly value: unknown
}

/** The keys of the encrypted files. They protect nothing. */
export const goldenKeys: readonly { readonly id: number; readonly secret: Uint8Array }[] = [
  { id: 7, secret: Buffer.alloc(32, 0x77) },
  { id: 0, secret: Buffer.alloc(32, 0x11) },
]
