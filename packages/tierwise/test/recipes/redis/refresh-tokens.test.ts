import { afterAll, describe, expect, it } from 'vitest'

import { refreshTokens, type RotateOutcome } from '../../../src/recipes/refresh-tokens.ts'
import { startRedis } from '../../../src/testing/servers/index.ts'
import { startCallers } from '../security/callers.ts'
import { refreshTokensCases } from '../security/refresh-tokens-cases.ts'
import { onRedis } from '../security/worlds.ts'

const server = await startRedis()
const callers = await startCallers(server.url)
afterAll(async () => {
  await callers.stop()
  await server.stop()
})

refreshTokensCases(onRedis(() => server))

describe('one refresh token in several processes at once', () => {
  it('is exchanged in exactly one, and its session revoked', async () => {
    const tokens = refreshTokens(callers.coordination)
    for (const count of [2, 4]) {
      const { token } = await tokens.issue({ userId: 'ada' })
      const outcomes = await callers.callAtOnce<RotateOutcome>('rotate', { token }, count)
      const good = outcomes.filter((outcome) => outcome.ok)
      expect(good).toHaveLength(1)
      expect(outcomes.filter((outcome) => !outcome.ok && outcome.reason === 'reused')).toHaveLength(1)
      expect(good[0]?.ok && (await tokens.rotate(good[0].token))).toMatchObject({ ok: false, reason: 'revoked' })
    }
  })
})
