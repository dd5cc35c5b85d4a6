import { startPriceServer } from './price-server.ts'
import { startService } from './service.ts'
import { settingsFrom } from './settings.ts'

const prices = await startPriceServer()
const settings = { ...settingsFrom(process.env), pricesUrl: prices.url, log: console.warn }
const service = await startService(settings)
console.log(
  `serving at ${service.origin}, with the state ${settings.redisUrl === undefined ? 'in this process' : 'in Redis'}`,
)

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void Promise.all([service.stop(), prices.stop()]).then(() => console.log('stopped')))

try {
  const grant = {
    scopes: ['reports:read'],
    limit: { limit: 5, period: '1m' },
    expiresAt: Date.now() + 86_400_000,
  } as const
  console.log(`a key for reports, good for a day: ${(await service.guards.keys.create('demo', grant)).key}`)
} catch (error) {
  console.warn(`there is no key for reports: ${String(error)}`)
}
