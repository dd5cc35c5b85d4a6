import type { RedisArgument } from './port.ts'

/** The packages tell bytes from text by `Buffer.isBuffer`; one refuses other byte arrays, the others join them with commas. */
export function bytesAsBuffer(argument: RedisArgument): string | Buffer {
  if (typeof argument === 'string' || Buffer.isBuffer(argument)) return argument
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)
}
