import { describe, expect, it } from 'vitest'
import { RedisFailure } from '../../../../src/clients/redis/client-failure.ts'
import { SecurityEventLog } from '../../../../src/clients/redis/security/event-log.ts'
import { refusalOf, refusalOfReply } from '../../../../src/clients/redis/security/refusal.ts'

describe('refusalOf', () => {
  it.each([
    ['WRONGPASS invalid username-password pair or user is disabled.', 'authentication'],
    ['NOAUTH Authentication required.', 'authentication'],
    ['ERR invalid password', 'authentication'],
    ['ERR Client sent AUTH, but no password is set', 'authentication'],
    ["NOPERM this user has no permissions to run the 'set' command", 'permission'],
    ['DENIED Redis is running in protected mode', 'authentication'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', undefined],
    ['ERR value is not an integer or out of range', undefined],
    ['OOM command not allowed when used memory > maxmemory', undefined],
  ])('knows the reply: %s', (reply, kind) => {
    expect(refusalOfReply(reply)?.kind).toBe(kind)
  })

  it.each([
    ['CERT_HAS_EXPIRED', 'certificate'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate'],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'tls'],
    ['ECONNREFUSED', undefined],
    ['toString', undefined],
  ])('knows the code %s, also behind other errors', (code, kind) => {
    const failure = new RedisFailure('a failure', 'connection', code)
    expect(refusalOf(failure)?.kind).toBe(kind)
    expect(refusalOf(new Error('around it', { cause: failure }))?.kind).toBe(kind)
  })

  it('ends with causes that go in circles', () => {
    const error = new Error('a circle')
    error.cause = error
    expect(refusalOf(error)).toBeUndefined()
  })
})

describe('SecurityEventLog', () => {
  const event = (at: number): { kind: 'permission'; code: string; operation: string; at: number } => ({
    kind: 'permission',
    code: 'NOPERM',
    operation: 'get',
    at,
  })

  it('keeps the last 1000 in order', () => {
    const log = new SecurityEventLog()
    expect(log.list()).toEqual([])
    for (let at = 1; at <= 2500; at++) log.add(event(at))
    const kept = log.list().map(({ at }) => at)
    expect(kept).toEqual(Array.from({ length: 1000 }, (_, index) => 1501 + index))
    expect(log.count).toBe(2500)
  })

  it('keeps fewer as they came', () => {
    const log = new SecurityEventLog(3)
    for (const at of [1, 2]) log.add(event(at))
    expect(log.list().map(({ at }) => at)).toEqual([1, 2])
    for (const at of [3, 4]) log.add(event(at))
    expect(log.list().map(({ at }) => at)).toEqual([2, 3, 4])
  })
})
