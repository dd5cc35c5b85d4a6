import { afterAll } from 'vitest'

import { startRedis } from '../../../src/testing/servers/index.ts'
import { deltaSyncCases } from '../integration/delta-sync-cases.ts'
import { onRedis } from '../integration/worlds.ts'

const server = await startRedis()
afterAll(() => server.stop())

deltaSyncCases(onRedis(() => server))
