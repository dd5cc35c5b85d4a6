/**
 * Claims an id, says so, and does not end by itself before it is told to. Arguments: address of the server, prefix of the
 * keys, id, lease in milliseconds.
 */
import { createCoordination } from '../../../../src/coordination/index.ts'
import { redisCoordination } from '../../../../src/coordination/redis/index.ts'
import { deduplication } from '../../../../src/recipes/deduplication.ts'

const [url = '', prefix = '', id = '', lease = ''] = process.argv.slice(2)
const coordination = createCoordination({ store: redisCoordination({ client: 'ioredis', url, prefix }), timeout: '5s' })
const orders = deduplication(coordination, { entity: 'orders', lease: Number(lease) })
const told = new Promise((resolve) => process.once('message', resolve))
const outcome = await orders.processOnce(id, async ({ signal }) => {
  process.send?.('working')
  await told
  // What the event loop has not got round to yet, after it stood still.
  if (!signal.aborted) await new Promise((resolve) => void setTimeout(resolve, 200))
  return signal.aborted ? 'lost' : 'kept'
})
process.send?.(outcome)
await coordination.stop()
process.disconnect?.()
