import { afterAll, describe, expect, it } from 'vitest'

import { signRequest, type SignatureOutcome } from '../../../src/recipes/request-signing.ts'
import { startRedis } from '../../../src/testing/servers/index.ts'
import { startCallers } from '../security/callers.ts'
import { key, requestSigningCases } from '../security/request-signing-cases.ts'
import { onRedis } from '../security/worlds.ts'

const server = await startRedis()
const callers = await startCallers(server.url)
afterAll(async () => {
  await callers.stop()
  await server.stop()
})

requestSigningCases(onRedis(() => server))

describe('one signed request in several processes at once', () => {
  it.each([2, 4])('passes in exactly one of %i', async (count) => {
    const request = { method: 'POST', url: '/orders?a=1', body: '{}' }
    const signed = { ...request, headers: signRequest(request, key) }
    const outcomes = await callers.callAtOnce<SignatureOutcome>('verify', { key, request: signed }, count)
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    const reasons = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.reason]))
    expect(new Set(reasons)).toEqual(new Set(['replayed']))
  })
})
