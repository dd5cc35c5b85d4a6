export { createEnvelope } from './envelope.ts'
export { jsonCodec } from './json.ts'
export { loadValueCodec } from './load-value-codec.ts'
export { msgpackCodec } from './msgpack.ts'
