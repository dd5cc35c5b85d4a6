/**
 * Evaluates a rule again and again, whose samples depend on the time of day only, and tells what it was to tell. Arguments:
 * address of the server, prefix of the keys, how often.
 */
import { createCoordination } from '../../../../src/coordination/index.ts'
import { redisCoordination } from '../../../../src/coordination/redis/index.ts'
import { alertEngine } from '../../../../src/recipes/alert-engine.ts'

const [url = '', prefix = '', times = ''] = process.argv.slice(2)
const coordination = createCoordination({ store: redisCoordination({ client: 'ioredis', url, prefix }), timeout: '5s' })
let minute = 0
const told: string[] = []
const engine = alertEngine(coordination, {
  rules: [
    {
      id: 'busy',
      condition: { type: 'threshold', operator: '>', value: 90 },
      read: ({ to }) => ['a', 'b'].map((host) => ({ labels: { host }, samples: [{ at: to, value: valueAt(to) }] })),
    },
  ],
  notify: ({ firing, resolved }) => {
    for (const { firedAt, labels } of firing) told.push(`firing ${labels['host']} ${firedAt}`)
    for (const { told: firedAt, labels } of resolved) told.push(`resolved ${labels['host']} ${firedAt}`)
  },
  groupInterval: 1,
  now: () => minute * 60_000,
})

function valueAt(at: number): number {
  return Math.floor(at / 60_000 / 20) % 2 === 0 ? 95 : 10
}

process.send?.('ready')
process.once('message', async () => {
  for (minute = 1; minute <= Number(times); minute++) while ((await engine.evaluate()).ok === false);
  await coordination.stop()
  process.send?.({ told })
  process.disconnect?.()
})
