import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'

import { createCoordination } from '../../../src/coordination/index.ts'
import { redisCoordination } from '../../../src/coordination/redis/index.ts'
import { deduplication, type Deduplication, type OnceOutcome } from '../../../src/recipes/deduplication.ts'
import { startRedis } from '../../../src/testing/servers/index.ts'
import { until } from '../../../src/testing/servers/until.ts'
import { isWord, startChild, type Child } from '../../tiers/disk/child-process.ts'
import { bundledChild } from '../integration/bundled-child.ts'
import { deduplicationCases } from '../integration/deduplication-cases.ts'
import { onRedis } from '../integration/worlds.ts'

const server = await startRedis({ dedicated: true })
afterAll(() => server.stop())
const worker = await bundledChild('worker')

deduplicationCases(onRedis(() => server))

const leaseMs = 1500

interface Scene extends AsyncDisposable {
  readonly child: Child
  readonly orders: Deduplication
}

/** Another process is in the middle of the work of `o1`. */
async function scene(): Promise<Scene> {
  const prefix = `tw-${randomUUID()}`
  const child = startChild(worker, [server.url, prefix, 'o1', String(leaseMs)])
  const coordination = createCoordination({ store: redisCoordination({ url: server.url, prefix }), timeout: '5s' })
  const orders = deduplication(coordination, { entity: 'orders', lease: leaseMs })
  await child.message(isWord('working'))
  return {
    child,
    orders,
    [Symbol.asyncDispose]: async () => {
      child.process.kill('SIGKILL')
      await child.ended
      await coordination.stop()
    },
  }
}

/** What this process gets to do once the other one's lease has ended. */
async function takeOver(orders: Deduplication): Promise<OnceOutcome<string>> {
  let outcome = await orders.processOnce('o1', () => 'taken over')
  await until(
    async () => {
      if (outcome.kind === 'busy') outcome = await orders.processOnce('o1', () => 'taken over')
      return outcome.kind !== 'busy'
    },
    { what: 'the end of the lease' },
  )
  return outcome
}

describe('a process that is killed between claim and commit', () => {
  it('is followed by another one when its lease ends: the work is done, and committed once', async () => {
    await using at = await scene()
    expect((await at.orders.processOnce('o1', () => 'too early')).kind).toBe('busy')
    at.child.process.kill('SIGKILL')
    await at.child.ended
    const killedAt = Date.now()
    expect((await at.orders.processOnce('o1', () => 'too early')).kind).toBe('busy')
    expect(await takeOver(at.orders)).toMatchObject({ kind: 'processed', result: 'taken over', committed: true })
    expect(Date.now() - killedAt).toBeGreaterThan(leaseMs / 2)
    expect(await at.orders.processOnce('o1', () => 'twice')).toEqual({ kind: 'duplicate' })
    expect(await at.orders.count()).toBe(1)
  })

  it('keeps its claim while it lives, for longer than the lease', async () => {
    await using at = await scene()
    const from = Date.now()
    await until(() => Date.now() - from > leaseMs * 2, { what: 'the end of two leases' })
    expect((await at.orders.processOnce('o1', () => 'too early')).kind).toBe('busy')
    at.child.process.send('end')
    const outcome = await at.child.message(isOutcome)
    expect(outcome).toMatchObject({ kind: 'processed', result: 'kept', committed: true })
  })
})

describe('a process that stands still for longer than its lease', () => {
  it('is told that it lost it, and commits nothing over the one who took over', async () => {
    await using at = await scene()
    at.child.process.kill('SIGSTOP')
    expect(await takeOver(at.orders)).toMatchObject({ kind: 'processed', committed: true })
    at.child.process.kill('SIGCONT')
    at.child.process.send('end')
    const outcome = await at.child.message(isOutcome)
    expect(outcome).toMatchObject({ kind: 'processed', result: 'lost', committed: false })
    expect(await at.orders.processOnce('o1', () => 'twice')).toEqual({ kind: 'duplicate' })
  })
})

function isOutcome(message: unknown): message is OnceOutcome<string> {
  return typeof message === 'object' && message !== null && 'kind' in message
}
