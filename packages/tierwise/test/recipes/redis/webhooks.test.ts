import { afterAll, describe, expect, it } from 'vitest'

import { signWebhook } from '../../../src/recipes/webhook-signature.ts'
import type { WebhookOutcome } from '../../../src/recipes/webhooks.ts'
import { startRedis } from '../../../src/testing/servers/index.ts'
import { startCallers } from '../security/callers.ts'
import { secret, webhooksCases } from '../security/webhooks-cases.ts'
import { onRedis } from '../security/worlds.ts'

const server = await startRedis()
const callers = await startCallers(server.url)
afterAll(async () => {
  await callers.stop()
  await server.stop()
})

webhooksCases(onRedis(() => server))

describe('one delivery to several processes at once', () => {
  it('is handled in exactly one', async () => {
    const delivery = { id: 'msg_1', timestamp: Math.floor(Date.now() / 1000), body: '{}' }
    const given = { secret, headers: signWebhook(delivery, { secrets: [secret] }), body: delivery.body }
    const outcomes = await callers.callAtOnce<WebhookOutcome<number>>('receive', given, 4)
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    for (const outcome of outcomes) if (!outcome.ok) expect(['busy', 'duplicate']).toContain(outcome.reason)
  })
})
