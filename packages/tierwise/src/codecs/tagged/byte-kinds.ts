import { undecodable } from '../refusal.ts'
import type { Kind } from './kind.ts'

type BytesClass = new (buffer: ArrayBuffer) => ArrayBufferView

const views: readonly BytesClass[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
]

function toBase64(view: ArrayBufferView): string {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64')
}

/** The copy owns its memory: `Buffer.from` may place small ones in a pool whose offset no other view could use. */
function fromBase64(payload: unknown): ArrayBuffer {
  if (typeof payload !== 'string') throw undecodable('malformed base64')
  const buffer = Buffer.from(payload, 'base64')
  return buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength) as ArrayBuffer
}

function viewKind(View: BytesClass): Kind {
  return {
    name: View.name,
    payload: (value) => toBase64(value as ArrayBufferView),
    restore(payload) {
      const bytes = fromBase64(payload)
      try {
        return new View(bytes)
      } catch {
        throw undecodable(`${View.name} with a broken element`)
      }
    },
  }
}

const bufferKind: Kind = {
  name: 'buffer',
  payload: (value) => toBase64(value as Buffer),
  restore: (payload) => Buffer.from(fromBase64(payload)),
}

const arrayBufferKind: Kind = {
  name: 'ArrayBuffer',
  payload: (value) => toBase64(new Uint8Array(value as ArrayBuffer)),
  restore: fromBase64,
}

/** Every kind whose payload is its bytes in base64, in the byte order of the writing machine; with its prototype. */
export const byteKinds: readonly (readonly [object, Kind])[] = [
  [Buffer.prototype, bufferKind],
  [ArrayBuffer.prototype, arrayBufferKind],
  ...views.map((View) => [View.prototype as object, viewKind(View)] as const),
]
