import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAlive } from '../../../src/testing/servers/process-children.ts'
import { startRedisCluster, type RedisCluster } from '../../../src/testing/servers/index.ts'

let cluster: RedisCluster

beforeAll(async () => {
  cluster = await startRedisCluster({ password: 'secret' })
})

afterAll(() => cluster.stop())

describe('startRedisCluster', { timeout: 60_000 }, () => {
  it('starts primaries that own all slots and replicas that follow them', async () => {
    const primaries = await cluster.primaries()
    expect([cluster.nodes.length, primaries.length]).toEqual([6, 3])
    const roles = await Promise.all(cluster.nodes.map(async (node) => (await node.command('role')).split('\n')[0]))
    expect(roles.toSorted()).toEqual(['master', 'master', 'master', 'slave', 'slave', 'slave'])
  })

  it('says which slot and node a key belongs to', async () => {
    expect(await cluster.slotOf('{123456789}')).toBe(0x31c3)
    const owner = await cluster.primaryOf('a')
    expect(await owner.command('set', 'a', '1')).toBe('OK')
    const slot = await cluster.slotOf('a')
    const others = (await cluster.primaries()).filter((node) => node !== owner)
    await expect(others[0]?.command('get', 'a')).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${owner.port}`)
  })

  it('moves a slot with its keys, and ASK and TRYAGAIN are seen in the middle', async () => {
    const from = await cluster.primaryOf('{tag}')
    const slot = await cluster.slotOf('{tag}')
    const to = (await cluster.primaries()).find((node) => node !== from)
    if (!to) throw new Error('There is one primary')
    for (const name of ['1', '2', '3']) await from.command('set', `{tag}${name}`, name)
    let seen = 0
    await cluster.moveSlot(slot, to, {
      during: async (migration) => {
        expect((await migration.keys()).toSorted()).toEqual(['{tag}1', '{tag}2', '{tag}3'])
        expect(await from.command('get', '{tag}1')).toBe('1')
        await migration.moveKeys(['{tag}1'])
        await expect(from.command('get', '{tag}1')).rejects.toThrow(`ASK ${slot} 127.0.0.1:${to.port}`)
        await expect(from.command('mget', '{tag}1', '{tag}2')).rejects.toThrow('TRYAGAIN')
        await expect(to.command('get', '{tag}1')).rejects.toThrow('MOVED')
        seen++
      },
    })
    expect(seen).toBe(1)
    expect(await cluster.primaryOf('{tag}')).toBe(to)
    expect(await to.command('mget', '{tag}1', '{tag}2', '{tag}3')).toBe('1\n2\n3')
    await expect(from.command('get', '{tag}1')).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${to.port}`)
  })

  it('moves nothing to the node that owns the slot already', async () => {
    const owner = await cluster.primaryOf('a')
    await cluster.moveSlot(await cluster.slotOf('a'), owner)
    expect(await cluster.primaryOf('a')).toBe(owner)
  })

  it('replaces a killed primary by its replica and takes it back as one', async () => {
    const killed = await cluster.killPrimaryOf('a')
    expect(killed.isRunning).toBe(false)
    await cluster.whenHealthy()
    const next = await cluster.primaryOf('a')
    expect(next).not.toBe(killed)
    expect(await next.command('set', 'a', '2')).toBe('OK')
    await killed.restart()
    await cluster.whenHealthy()
    expect(await killed.command('role')).toMatch(/^slave/)
  })

  it('leaves no process when it stops', async () => {
    const pids = cluster.nodes.map(({ pid = NaN }) => pid)
    expect(pids.every(isAlive)).toBe(true)
    await cluster.stop()
    expect(pids.some(isAlive)).toBe(false)
  })
})
