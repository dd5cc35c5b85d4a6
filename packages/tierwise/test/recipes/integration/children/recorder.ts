/**
 * Records the numbers from 1 on, as fast as it is let to, and ends. Arguments: address of the server, prefix of the keys, how
 * many, the time of day at which it is, epoch milliseconds.
 */
import { nextTurn } from '../../../../src/base/runtime.ts'
import { createCoordination } from '../../../../src/coordination/index.ts'
import { redisCoordination } from '../../../../src/coordination/redis/index.ts'
import { liveMetrics } from '../../../../src/recipes/live-metrics.ts'

const [url = '', prefix = '', most = '', now = ''] = process.argv.slice(2)
const coordination = createCoordination({ store: redisCoordination({ client: 'ioredis', url, prefix }), timeout: '5s' })
const metrics = liveMetrics(coordination, { flushEvery: 5, now: () => Number(now) })
process.send?.('ready')
process.once('message', async () => {
  for (let n = 1; n <= Number(most); n++) {
    metrics.record('orders', n)
    if (n % 50 === 0) await nextTurn()
  }
  await metrics.stop()
  await coordination.stop()
  process.disconnect?.()
})
