import type { ValueCodec } from '../contract/codec.ts'

/** Compact and fast: the default. Loads msgpackr on the first call, so a process with only memory never pays for it. */
export async function msgpackCodec(): Promise<ValueCodec> {
  const { createMsgpackCodec } = await import('./msgpack/packr.ts')
  return createMsgpackCodec()
}
