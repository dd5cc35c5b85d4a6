/**
 * Takes from one limit as fast as it can, and tells how much it was allowed. Arguments: port of the server, kind of the
 * rule, how often. It begins when it is told to, so that all processes work at once.
 */
import type { LimitRule } from '../../../../src/contract/coordination.ts'
import { redisCoordination } from '../../../../src/coordination/redis/index.ts'

const [port, kind, times] = process.argv.slice(2)
const hourMs = 3_600_000
const rules: Readonly<Record<string, LimitRule>> = {
  bucket: { kind: 'bucket', capacity: 1000, limit: 1, periodMs: hourMs },
  'fixed-window': { kind: 'fixed-window', limit: 1000, periodMs: hourMs },
  'sliding-window': { kind: 'sliding-window', limit: 1000, periodMs: hourMs },
}
const rule = rules[kind ?? '']
if (rule === undefined) throw new Error(`no rule ${kind}`)

const store = redisCoordination({ client: 'ioredis', host: '127.0.0.1', port: Number(port) })
await store.open()
process.send?.('ready')
process.once('message', async () => {
  let allowed = 0
  for (let left = Number(times); left > 0; left -= 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => store.take(`limit ${kind}`, rule, { cost: 1 })))
    allowed += answers.filter((answer) => answer.allowed).length
  }
  await store.close()
  process.send?.({ allowed })
  process.disconnect?.()
})
