import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dangerousCommandsOf } from '../../../../src/clients/redis/security/acl-rules.ts'
import { seededRandom, startRedis, type RedisServer } from '../../../../src/testing/index.ts'

const asked = ['flushall', 'flushdb', 'config|set', 'acl|setuser', 'debug', 'shutdown', 'replicaof', 'module|load']
const words =
  '+@all -@all +@dangerous -@dangerous -@admin +@admin +@write -@keyspace -@slow +flushall -flushdb +config -config|set +acl|setuser -acl +shutdown +debug +get +info'.split(
    ' ',
  )
/** Arguments that pass the check of their number, which comes before that of the rights. */
const samples: Readonly<Record<string, readonly string[]>> = {
  'config|set': ['config', 'set', 'maxmemory', '0'],
  'acl|setuser': ['acl', 'setuser', 'somebody'],
  debug: ['debug', 'sleep', '0'],
  replicaof: ['replicaof', 'no', 'one'],
  'module|load': ['module', 'load', '/nowhere'],
}

describe('dangerousCommandsOf', () => {
  let server: RedisServer
  let client: Redis

  beforeAll(async () => {
    server = await startRedis({ dedicated: true })
    client = new Redis(server.port, server.host)
  })

  afterAll(async () => {
    client.disconnect()
    await server.stop()
  })

  /** What the server itself says it would do. */
  async function allowedByServer(user: string): Promise<readonly string[]> {
    const verdicts = await Promise.all(
      asked.map((name) => client.call('ACL', 'DRYRUN', user, ...(samples[name] ?? [name])) as Promise<string>),
    )
    return asked.filter((_, index) => verdicts[index] === 'OK')
  }

  async function rulesOf(user: string): Promise<string> {
    const reply = (await client.call('ACL', 'GETUSER', user)) as unknown[] | Record<string, unknown>
    if (!Array.isArray(reply)) return String(reply['commands'])
    return String(reply[reply.indexOf('commands') + 1])
  }

  it('agrees with the server on random rules', async () => {
    const seed = 20_261_121
    const random = seededRandom(seed)
    for (let round = 0; round < 60; round++) {
      const rules = Array.from({ length: 1 + random.int(6) }, () => random.pick(words))
      await client.call('ACL', 'SETUSER', 'subject', 'reset', 'on', 'nopass', '~*', ...rules)
      const found = dangerousCommandsOf(await rulesOf('subject')).filter((name) => asked.includes(name))
      expect(found, `seed ${seed}, rules ${rules.join(' ')}`).toEqual(await allowedByServer('subject'))
    }
  })

  it('finds everything dangerous in a user with all rights, and nothing in one that was taken them', async () => {
    expect(dangerousCommandsOf('+@all')).toContain('flushall')
    expect(dangerousCommandsOf('+@all')).toHaveLength(9)
    expect(dangerousCommandsOf('+@all -@admin -@dangerous +info')).toEqual([])
    expect(dangerousCommandsOf('')).toEqual([])
  })
})
