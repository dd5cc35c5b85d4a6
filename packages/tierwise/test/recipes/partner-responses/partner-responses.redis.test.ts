import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { createCacheManager } from '../../../src/index.ts'
import type { CacheManager } from '../../../src/index.ts'
import { partnerResponses } from '../../../src/recipes/partner-responses.ts'
import type { PartnerResponses } from '../../../src/recipes/partner-responses.ts'
import { startRedis } from '../../../src/testing/index.ts'
import type { RedisServer } from '../../../src/testing/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'
import { bodyOf, PartnerServer } from './partner-server.ts'

let server: RedisServer
beforeAll(async () => void (server = await startRedis()))
afterAll(() => server.stop())

const managers: CacheManager[] = []
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.stop()))
})

async function open(): Promise<PartnerResponses> {
  const manager = createCacheManager({
    tiers: [memory(), redis({ url: server.url })],
    // The servers of the tests share two processors with other tests.
    tierTimeout: '2s',
  })
  managers.push(manager)
  await manager.start()
  return partnerResponses(manager.namespace('partner_responses'))
}

describe('instances that share a Redis', () => {
  test('share responses, confirm them, and forget them together', async () => {
    await using partner = await new PartnerServer().start()
    const [here, there] = [await open(), await open()]
    const bytes = Buffer.from([0, 255, 128, 10])
    partner.handler = (request, response) => {
      const isKnown = request.headers['if-none-match'] === '"v1"'
      response.writeHead(isKnown ? 304 : 200, { etag: '"v1"', 'cache-control': 'max-age=60', vary: 'accept' })
      response.end(isKnown ? undefined : bytes)
    }
    const [hereAcme, thereAcme] = [here.forPartner('acme'), there.forPartner('acme')]
    const together = await Promise.all(
      Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? hereAcme : thereAcme)(partner.url())),
    )
    for (const response of together) expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes)
    expect(partner.count).toBe(1)
    await bodyOf(there.forPartner('bell')(partner.url()))
    expect(partner.count).toBe(2)
    await bodyOf(thereAcme(partner.url(), { headers: { 'cache-control': 'no-cache' } }))
    expect(there.stats().confirmed).toBe(1)
    await bodyOf(hereAcme(partner.url(), { method: 'POST' }))
    const asked = partner.count
    await expect
      .poll(
        async () => {
          await bodyOf(thereAcme(partner.url()))
          return partner.count
        },
        { timeout: 10_000 },
      )
      .toBe(asked + 1)
  })

  test('ask for themselves while Redis is away', async () => {
    const own = await startRedis({ dedicated: true })
    await using partner = await new PartnerServer().start()
    partner.answerWith({ 'cache-control': 'max-age=60' })
    const manager = createCacheManager({ tiers: [memory(), redis({ url: own.url })] })
    managers.push(manager)
    const get = partnerResponses(manager.namespace('partner_responses')).forPartner('acme')
    expect(await bodyOf(get(partner.url('/before')))).toBe('1')
    await own.kill()
    expect(await bodyOf(get(partner.url('/while')))).toBe('2')
    await own.stop()
  })
})
