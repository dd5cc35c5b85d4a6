import assert from 'node:assert/strict'

import { TierError } from '../../errors.ts'
import type { TierSuite } from './suite.ts'
import { numbered } from './tier-session.ts'

export function closingTests({ test, capabilities }: TierSuite): void {
  test('closes as often as it is asked', async (session) => {
    await session.put('tw:a')
    await Promise.all([session.tier.close(), session.tier.close()])
    await session.tier.close()
  })

  test('closes before it was opened', async (session) => {
    const unopened = session.create(session.definition)
    await unopened.close()
  })

  test('rejects every operation after it was closed', async (session) => {
    await session.put('tw:a')
    await session.tier.close()
    await rejectsAsClosed('get', () => session.read('tw:a'))
    await rejectsAsClosed('set', () => session.put('tw:a'))
    await rejectsAsClosed('delete', () => session.delete(['tw:a']))
    await rejectsAsClosed('clear', () => session.clear('tw:'))
    await rejectsAsClosed('usage', () => session.tier.usage())
    if (capabilities.scan) await rejectsAsClosed('scan', () => session.scanKeys('tw:'))
  })

  if (capabilities.tags) {
    test('rejects the use of its tag store after it was closed', async (session) => {
      const { tags } = session
      await session.tier.close()
      await rejectsAsClosed('load', () => tags.load())
      await rejectsAsClosed('invalidate', () => tags.invalidate(['red'], 0))
    })
  }

  test('settles what is under way when it is closed', async (session) => {
    const keys = numbered('tw:users:', 50)
    const work = keys.flatMap((key): Promise<unknown>[] => [session.put(key), session.read(key), session.delete([key])])
    const [results] = await Promise.all([Promise.allSettled(work), session.tier.close()])
    for (const result of results) if (result.status === 'rejected') assertClosed('an operation', result.reason)
  })
}

async function rejectsAsClosed(operation: string, call: () => Promise<unknown>): Promise<void> {
  let pending: Promise<unknown>
  try {
    pending = call()
  } catch (error) {
    return assert.fail(`${operation} throws synchronously: ${String(error)}`)
  }
  await pending.then(
    () => assert.fail(`${operation} succeeds on a closed tier`),
    (error: unknown) => assertClosed(operation, error),
  )
}

function assertClosed(operation: string, error: unknown): void {
  assert.ok(error instanceof TierError, `${operation} rejects with a TierError, not ${String(error)}`)
  assert.equal(error.code, 'ERR_CACHE_TIER_CLOSED', `${operation} rejects with its code`)
}
