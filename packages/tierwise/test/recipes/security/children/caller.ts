/**
 * Makes one call of a security recipe when it is told to, so that several processes make it at once, and tells what came of
 * it. Arguments: URL of the server, prefix of the keys, what to call, and what with, as JSON.
 */
import { createCoordination } from '../../../../src/coordination/index.ts'
import { redisCoordination } from '../../../../src/coordination/redis/index.ts'
import { refreshTokens } from '../../../../src/recipes/refresh-tokens.ts'
import { requestSigning } from '../../../../src/recipes/request-signing.ts'
import { webhooks } from '../../../../src/recipes/webhooks.ts'

const [url = '', prefix = '', call = '', given = ''] = process.argv.slice(2)
const coordination = createCoordination({
  store: redisCoordination({ client: 'ioredis', url, prefix }),
  timeout: '10s',
})
const calls: Readonly<Record<string, (given: never) => Promise<unknown>>> = {
  rotate: ({ token }: { token: string }) => refreshTokens(coordination).rotate(token),
  verify: ({ key, request }: { key: never; request: never }) =>
    requestSigning(coordination, { keys: [key] }).verify(request),
  receive: ({ secret, headers, body }: { secret: string; headers: never; body: string }) =>
    webhooks(coordination, { partners: { acme: { secrets: [secret] } } }).receive(
      'acme',
      { headers, body: Buffer.from(body) },
      () => process.pid,
    ),
}
await coordination.start()
process.send?.('ready')
process.once('message', async () => {
  const outcome = await calls[call]?.(JSON.parse(given) as never)
  await coordination.stop()
  process.send?.({ outcome })
  process.disconnect?.()
})
