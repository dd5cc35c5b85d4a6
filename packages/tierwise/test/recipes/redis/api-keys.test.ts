import { afterAll } from 'vitest'

import { startRedis } from '../../../src/testing/servers/index.ts'
import { apiKeysCases } from '../security/api-keys-cases.ts'
import { onRedis } from '../security/worlds.ts'

const server = await startRedis()
afterAll(() => server.stop())

apiKeysCases(onRedis(() => server))
