import { afterEach, describe, expect, it } from 'vitest'
import { isAlive } from '../../../src/testing/servers/process-children.ts'
import { until } from '../../../src/testing/servers/until.ts'
import { startRedisSentinel, type RedisSentinel } from '../../../src/testing/servers/index.ts'

const groups: RedisSentinel[] = []

afterEach(async () => {
  await Promise.all(groups.splice(0).map((group) => group.stop()))
})

async function start(options: Parameters<typeof startRedisSentinel>[0] = {}): Promise<RedisSentinel> {
  const group = await startRedisSentinel(options)
  groups.push(group)
  return group
}

describe('startRedisSentinel', { timeout: 60_000 }, () => {
  it('starts servers and Sentinels that know each other, and leaves no process when it stops', async () => {
    const group = await start()
    const all = [...group.nodes, ...group.sentinels]
    expect([group.nodes.length, group.sentinels.length]).toEqual([3, 3])
    expect(await group.primary()).toBe(group.nodes[0])
    await group.nodes[0]?.command('set', 'a', '1')
    // WAIT would wait for the writes of its own connection only, and every command has a connection of its own.
    for (const replica of group.nodes.slice(1)) {
      await until(async () => (await replica.command('get', 'a')) === '1', {
        what: 'the arrival of the write at a replica',
      })
    }
    const pids = all.map(({ pid = NaN }) => pid)
    expect(pids.every(isAlive)).toBe(true)
    await group.stop()
    expect(pids.some(isAlive)).toBe(false)
  })

  it('fails over when the primary is killed, with passwords everywhere, and takes the old one back as a replica', async () => {
    const group = await start({ password: 'secret of data', sentinelPassword: 'secret of watch' })
    const killed = await group.killPrimary()
    const next = await group.primaryAfter(killed)
    expect(killed.isRunning).toBe(false)
    expect(next).not.toBe(killed)
    expect(await next.command('set', 'a', '1')).toBe('OK')
    expect(await group.primary()).toBe(next)
    await killed.restart()
    const third = await group.failOver()
    expect(third).not.toBe(next)
    expect(await third.command('role')).toMatch(/^master/)
  })
})
