import { describe, expect, it } from 'vitest'
import { createCacheManager } from '../../../../src/index.ts'
import { createRedisManager, redis } from '../../../../src/tiers/redis/index.ts'
import { opened } from './opened.ts'

describe('a tier over the connection of a manager', () => {
  const { keep, server: start, manager: connect } = opened()

  it('uses that connection, leaves it open, and works again after the manager has connected anew', async () => {
    const server = await start()
    const manager = await connect(server)
    const cache = keep(createCacheManager({ tiers: [redis({ manager })] }))
    await cache.start()
    await cache.namespace('factors').set('steel', 1.9)
    expect(await cache.namespace('factors').get('steel')).toBe(1.9)
    expect(await connections(server)).toBe(1)

    await manager.disconnect()
    await manager.connect()
    expect(await cache.namespace('factors').get('steel')).toBe(1.9)

    await cache.stop()
    expect(manager.isConnected).toBe(true)
    expect(await manager.set('beside', 'the cache')).toBe(true)
  })

  it('refuses two ways to connect, and two tiers in the same place', async () => {
    const server = await start()
    const manager = await connect(server)
    expect(() => redis({ manager, host: server.host })).toThrow(expect.objectContaining({ code: 'ERR_CACHE_CONFIG' }))
    expect(() => redis({ manager: {} as never })).toThrow(expect.objectContaining({ code: 'ERR_CACHE_OPTION' }))
    const other = redis({ host: server.host, port: server.port, name: 'other' })
    expect(redis({ manager }).identity).toBe(other.identity)
    expect(manager.place).toBe(`127.0.0.1:${server.port}/0`)
  })

  it('hears the refusals of what the tier sends', async () => {
    const server = await start({ users: { default: 'on nopass ~* +@all -mget -get -evalsha' } })
    const manager = keep(createRedisManager({ host: server.host, port: server.port, health: { interval: false } }))
    await manager.connect()
    const cache = keep(createCacheManager({ tiers: [redis({ manager })] }))
    expect(await cache.namespace('factors').get('steel')).toBeUndefined()
    expect(manager.securityEvents()).toContainEqual(expect.objectContaining({ kind: 'permission', code: 'NOPERM' }))
  })
})

/** Those that commands are sent over; a tier that is told of the changes of others has one beside that only listens. */
async function connections(server: { command(...args: string[]): Promise<string> }): Promise<number> {
  const list = await server.command('CLIENT', 'LIST')
  return list.split('\n').filter((line) => !/cmd=client\|list|flags=P/.test(line)).length
}
