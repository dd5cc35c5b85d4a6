import * as zlib from 'node:zlib'
import type { CompressionOptions } from '../../contract/tier.ts'
import { ConfigError } from '../../errors.ts'
import { undecodable } from '../refusal.ts'

type Algorithm = NonNullable<CompressionOptions['algorithm']>

/** Written into each frame; 0 is no compression. */
const ids: Readonly<Record<Algorithm, number>> = { gzip: 1, deflate: 2, brotli: 3, zstd: 4 }
const algorithms = new Map(Object.entries(ids).map(([name, id]) => [id, name as Algorithm]))

/** What Node 22.15 and newer have beyond the types of Node 20. */
interface ZstdModule {
  readonly zstdCompressSync?: (bytes: Uint8Array, options: object) => Uint8Array
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: object) => Uint8Array
}
const { zstdCompressSync, zstdDecompressSync } = zlib as ZstdModule
const zstdLevelParameter = 100

/** Brotli's own default (11) takes a hundred times as long for a few per cent. */
const defaultBrotliLevel = 5

export interface Compression {
  readonly id: number
  readonly threshold: number
  compress(bytes: Uint8Array): Uint8Array
}

/** @throws ConfigError when this Node cannot do it as asked */
export function createCompression(options: CompressionOptions): Compression {
  const { algorithm = 'gzip', threshold = 1024, level } = options
  const compression = { id: ids[algorithm], threshold, compress: compressor(algorithm, level) }
  try {
    compression.compress(Buffer.alloc(1))
  } catch (cause) {
    const fields = { code: 'ERR_CACHE_OPTION', cause } as const
    throw new ConfigError(`Compression ${algorithm} does not take level ${level}`, fields)
  }
  return compression
}

function compressor(algorithm: Algorithm, level: number | undefined): (bytes: Uint8Array) => Uint8Array {
  const leveled = level === undefined ? {} : { level }
  switch (algorithm) {
    case 'gzip':
      return (bytes) => zlib.gzipSync(bytes, leveled)
    case 'deflate':
      return (bytes) => zlib.deflateSync(bytes, leveled)
    case 'brotli':
      return (bytes) => zlib.brotliCompressSync(bytes, brotliOptions(bytes.length, level))
    case 'zstd':
      return zstdCompressor(level)
    default:
      throw new ConfigError(`Unknown compression ${String(algorithm)}; use ${Object.keys(ids).join(', ')}`, {
        code: 'ERR_CACHE_OPTION',
      })
  }
}

function brotliOptions(size: number, level: number = defaultBrotliLevel): zlib.BrotliOptions {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = zlib.constants
  return { params: { [BROTLI_PARAM_QUALITY]: level, [BROTLI_PARAM_SIZE_HINT]: size } }
}

function zstdCompressor(level: number | undefined): (bytes: Uint8Array) => Uint8Array {
  if (zstdCompressSync === undefined) {
    throw new ConfigError(`Compression zstd needs Node 22.15 or newer; this is ${process.version}`, {
      code: 'ERR_CACHE_OPTION',
    })
  }
  const options = level === undefined ? {} : { params: { [zstdLevelParameter]: level } }
  return (bytes) => zstdCompressSync(bytes, options)
}

/** Inflates to exactly `size` bytes and never allocates more. @throws CodecError ERR_CACHE_DECODE */
export function decompress(id: number, bytes: Uint8Array, size: number): Uint8Array {
  const inflated = inflate(id, bytes, size)
  if (inflated.length !== size) throw undecodable('the value does not inflate to its announced size')
  return inflated
}

const smallestChunk = 64
const largestChunk = 64 * 1024

function inflate(id: number, bytes: Uint8Array, size: number): Uint8Array {
  // Output is collected in chunks; one that fits small values saves most of their cost.
  const chunkSize = Math.min(Math.max(size, smallestChunk), largestChunk)
  const options = { maxOutputLength: Math.max(size, 1), chunkSize }
  try {
    switch (algorithms.get(id)) {
      case 'gzip':
        return zlib.gunzipSync(bytes, options)
      case 'deflate':
        return zlib.inflateSync(bytes, options)
      case 'brotli':
        return zlib.brotliDecompressSync(bytes, options)
      case 'zstd':
        if (zstdDecompressSync !== undefined) return zstdDecompressSync(bytes, options)
        break
    }
  } catch (cause) {
    throw undecodable('the value does not inflate', cause)
  }
  throw undecodable(`this Node (${process.version}) lacks the compression ${id}`)
}
