import type { ValueCodec } from '../contract/codec.ts'
import { jsonCodec } from './json.ts'
import { msgpackCodec } from './msgpack.ts'

/** How a namespace or tier names its codec; a codec of your own is used as it is. */
export type CodecChoice = 'msgpack' | 'json' | ValueCodec

export async function loadValueCodec(choice: CodecChoice): Promise<ValueCodec> {
  if (choice === 'msgpack') return msgpackCodec()
  return choice === 'json' ? jsonCodec() : choice
}
