import { describe, expect, it } from 'vitest'
import { numberOf, parseFields, parseInfo } from '../../../../src/clients/redis/manager/info.ts'
import { startRedis } from '../../../../src/testing/index.ts'

describe('parseInfo', () => {
  it('reads every field of a real server', async () => {
    await using server = await startRedis({ dedicated: true })
    const text = await server.command('INFO', 'everything')
    const info = parseInfo(text)
    expect(info.get('role')).toBe('master')
    expect(numberOf(info, 'tcp_port')).toBe(server.port)
    expect(numberOf(info, 'maxmemory')).toBe(0)
    expect(info.get('executable')).toMatch(/redis|valkey/)
    const lines = text.split(/\r?\n/).filter((line) => line.includes(':') && !line.startsWith('#'))
    expect(info.size).toBe(new Set(lines.map((line) => line.slice(0, line.indexOf(':')))).size)
    expect(lines.length).toBeGreaterThan(100)
  })

  it('keeps colons of a value and skips what is not a field', () => {
    const info = parseInfo('# Server\r\n\r\nexecutable:C:\\redis\r\nnonsense\r\nempty:\r\n')
    expect([...info]).toEqual([
      ['executable', 'C:\\redis'],
      ['empty', ''],
    ])
    expect(numberOf(info, 'empty')).toBeUndefined()
    expect(numberOf(info, 'executable')).toBeUndefined()
    expect(numberOf(info, 'absent')).toBeUndefined()
  })

  it('reads a value with parts', () => {
    const parts = parseFields('ip=127.0.0.1,port=6380,state=online,offset=14,lag=1')
    expect(parts.get('state')).toBe('online')
    expect(numberOf(parts, 'lag')).toBe(1)
  })
})
