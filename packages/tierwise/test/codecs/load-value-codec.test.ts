import { describe, expect, it, vi } from 'vitest'

vi.mock('msgpackr', () => {
  throw new Error('msgpackr was loaded')
})

describe('loadValueCodec', () => {
  it('loads msgpackr only when msgpack is chosen', async () => {
    const { loadValueCodec } = await import('../../src/codecs/index.ts')
    const json = await loadValueCodec('json')
    expect(json.id).toBe(2)
    await expect(loadValueCodec('msgpack')).rejects.toThrow()
  })

  it('uses a codec of your own as it is', async () => {
    const { loadValueCodec } = await import('../../src/codecs/index.ts')
    const own = { id: 130, name: 'own', encode: () => new Uint8Array(0), decode: () => 1 }
    expect(await loadValueCodec(own)).toBe(own)
  })
})
