import { afterAll } from 'vitest'

import { startRedis } from '../../../src/testing/servers/index.ts'
import { tokenBlacklistCases } from '../security/token-blacklist-cases.ts'
import { onRedis } from '../security/worlds.ts'

const server = await startRedis()
afterAll(() => server.stop())

tokenBlacklistCases(onRedis(() => server))
