import { afterAll } from 'vitest'

import { startRedis } from '../../../src/testing/servers/index.ts'
import { connectorLimiterCases } from '../integration/connector-limiter-cases.ts'
import { onRedis } from '../integration/worlds.ts'

const server = await startRedis()
afterAll(() => server.stop())

connectorLimiterCases(onRedis(() => server))
