import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { adoptRedisClient } from '../../../../src/clients/redis/adopt-client.ts'
import type { RedisPort } from '../../../../src/clients/redis/port.ts'
import { startRedis, type RedisServer } from '../../../../src/testing/index.ts'
import { singleLayout } from '../../../../src/tiers/redis/key-layout.ts'
import { endClient, OpenPorts, rawClient, testedPackages, type RawClient } from '../../../clients/redis/packages.ts'
import { until } from '../../../clients/redis/until.ts'
import { Emitter } from './emitter.ts'
import { HeardBus } from './opened-bus.ts'

/** What listening needs beside the rules that the guide gives for the tier. */
const listening = '+subscribe +ssubscribe +xrange +hsetnx +hgetall &__redis__:invalidate'

const guide = readFileSync(join(import.meta.dirname, '../../../../../../docs/guide/redis-tier.md'), 'utf8')
const rules = `${(/^user cache ([^`]+)^```/m.exec(guide)?.[1] ?? '').replaceAll(/\s+/g, ' ').trim()} ${listening}`

const open = new OpenPorts()
const heard: HeardBus[] = []
const clients: RawClient[] = []
let server: RedisServer

beforeAll(async () => {
  server = await startRedis({ users: { cache: rules }, tls: { clientCertificates: 'required' } })
})
afterAll(() => server.stop())
afterEach(async () => {
  await Promise.all(heard.splice(0).map(({ bus }) => bus.stop()))
  await open.close()
  for (const client of clients.splice(0)) endClient(client)
})

async function works(port: RedisPort): Promise<void> {
  await port.connect()
  const one = new HeardBus(port, { tracking: ['tw:'] })
  heard.push(one)
  await one.started()
  await new Emitter(port, singleLayout).emit('k')
  await until(() => one.keys.length === 1)
  await port.send({ args: ['SET', 'tw:k', '1'], key: 'tw:k' })
  await until(() => one.touchedKeys.includes('tw:k'))
  await one.proven()
  await one.bus.barrier([{ lane: 0, sequence: 0 }], 10_000)
  expect(one.failures).toEqual([])
}

describe.each(testedPackages)('a bus on a server with security through $title', (tested) => {
  it('has the credentials and the certificates of the connection', async () => {
    const { ca, cert, key } = server.tls!
    const place = { host: server.host, port: server.port, username: 'cache', password: 'secret' }
    await works(open.create(tested, { ...place, tls: { ca, cert, key } }).primary)
  })

  it('has those of a client that was handed in', async () => {
    const { ca, cert, key } = server.tls!
    const { host, port } = server
    const tls = { ca, cert, key }
    const client = rawClient(tested, port, {
      username: 'cache',
      password: 'secret',
      ...(tested.name === 'node-redis' ? { socket: { host, port, tls: true, ...tls } } : { tls }),
    })
    client.on('error', () => {})
    clients.push(client)
    await works(open.add(adoptRedisClient(client)))
  })
})

it('proves everything from the log when it may not subscribe', async () => {
  await server.command('ACL', 'SETUSER', 'deaf', ...rules.split(' '), '-subscribe')
  const { ca, cert, key } = server.tls!
  const place = { host: server.host, port: server.port, username: 'deaf', password: 'secret' }
  const port = open.create(testedPackages[0]!, { ...place, tls: { ca, cert, key } }).primary
  await port.connect()
  const one = new HeardBus(port, { intervalMs: 100 })
  heard.push(one)
  await one.started()
  await new Emitter(port, singleLayout).emit('k')
  await until(() => one.keys.length === 1)
  expect(String(one.failures[0])).toMatch(/NOPERM/)
})
