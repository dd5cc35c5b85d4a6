import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startPostgres, startRedis } from 'tierwise/testing'
import type { PostgresServer, RedisServer } from 'tierwise/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { numberBefore, run } from './running-service.ts'
import type { Run, RunOptions } from './running-service.ts'

const secret = 'hush-7f3a'
let redis: RedisServer
let postgres: PostgresServer
let dataDir: string

beforeAll(async () => {
  const servers = [startRedis({ password: secret }), startPostgres({ password: secret })] as const
  redis = await servers[0]
  postgres = await servers[1]
})
afterAll(async () => {
  await redis?.stop()
  await postgres?.stop()
})
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'factor-service-'))
})
afterEach(async () => {
  if (!redis.isRunning) await redis.restart()
  if (!postgres.isRunning) await postgres.restart()
  await rm(dataDir, { recursive: true })
})

function runOnServers(args: readonly string[], onOutput?: RunOptions['onOutput']): Promise<Run> {
  const servers = { REDIS_URL: redis.url, DATABASE_URL: postgres.url }
  return run(args, { dataDir, servers, ...(onOutput === undefined ? {} : { onOutput }) })
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(url)
  return `${response.status} ${await response.text()}`
}

const allServed = expect.stringContaining('0 of 2,400 requests failed')

/** How many requests failed in a phase of the demo, by its table. */
function errorsIn(output: string, phase: string): string | undefined {
  return new RegExp(`│ ${phase} +│ +[\\d,]+ │ +([\\d,]+) │`).exec(output)?.[1]
}

describe('the service on shared tiers', () => {
  test('shows Redis and PostgreSQL in its tables and finds them warm the second time', async () => {
    const first = await runOnServers(['--seconds', '3', '--check'])
    expect(first).toMatchObject({ code: 0, output: allServed })
    for (const row of [/│ redis +│/, /│ disk +│/, /│ postgres +│/, /│ Redis gone +│ +240 │ +0 │/])
      expect(first.output).toMatch(row)

    const second = await runOnServers(['--seconds', '3', '--check'])
    expect(second).toMatchObject({ code: 0, output: allServed })
    expect(numberBefore(second.output, 'by redis')).toBeGreaterThan(20)
    expect(first.output + second.output).not.toContain(secret)
  })

  test('shows no client an error when Redis is killed in the middle, and uses it when it is back', async () => {
    let killed: Promise<void> | undefined
    let restarted: Promise<void> | undefined
    const { code, output } = await runOnServers(['--seconds', '6'], (soFar, interrupt) => {
      if (soFar.includes('Source healthy')) killed ??= redis.kill()
      if (soFar.includes('Source stalled')) restarted ??= redis.restart()
      if (soFar.includes('Ctrl-C') && soFar.includes('Tier redis is back.')) interrupt()
    })
    await killed
    await restarted
    expect(code, output).toBe(0)
    // What was loaded without Redis is in memory alone, and may have given way when the source is down as well.
    const phases = ['Source healthy', 'Redis gone', 'Redis back', 'Source stalled', 'Source back']
    expect(phases.map((phase) => errorsIn(output, phase))).toEqual(phases.map(() => '0'))
    expect(output.match(/Tier redis is out of reach/g)).toHaveLength(1)
    expect(output).not.toContain(secret)
  })

  test('starts without its servers, serves, and uses them once they are there', async () => {
    await redis.kill()
    await postgres.kill('SIGQUIT')
    let alone: Promise<readonly string[]> | undefined
    let together: Promise<string> | undefined
    const ask = async (origin: string): Promise<readonly string[]> => {
      const factor = await textOf(`${origin}/factors/electricity/FRA?method=marginal`)
      const health = await textOf(`${origin}/health`)
      await redis.restart()
      await postgres.restart()
      return [factor, health]
    }
    const { code, output } = await runOnServers(['--no-demo'], (soFar, interrupt) => {
      const origin = /at (http:\S+)/.exec(soFar)?.[1]
      if (!soFar.includes('Ctrl-C') || origin === undefined) return
      alone ??= ask(origin)
      if (!soFar.includes('Tier redis is back.') || !soFar.includes('Tier postgres is back.')) return
      together ??= textOf(`${origin}/factors/electricity/DEU?method=marginal`).finally(interrupt)
    })
    const [factor, health] = (await alone) ?? []
    expect(factor).toContain('"tier":"source"')
    expect(health).toMatch(/^200 \{"healthy":true,.*"name":"redis","breaker":"\w+".*"healthy":false/)
    expect(await together).toContain('"tier":"source"')
    expect(code).toBe(0)
    expect(output.match(/Tier redis is out of reach/g)).toHaveLength(1)
    expect(output.match(/Tier postgres is out of reach/g)).toHaveLength(1)
    expect(output).not.toContain(secret)
    // What was read after the servers had come back is in both.
    expect(await redis.command('keys', '*DEU*')).toContain('electricity:DEU:marginal')
    const rows = "select count(*) from factor_service.entries where convert_from(key, 'UTF8') like '%:DEU:%'"
    expect(await postgres.query(rows)).toBe('1')
  })

  test('says what is wrong with an address and not what is in it', async () => {
    const wrong = await run(['--no-demo', '--redis', `http://:${secret}@127.0.0.1`], { dataDir })
    expect(wrong.code).toBe(1)
    expect(wrong.output).toContain('redis.url')
    expect(wrong.output).not.toContain(secret)
  })
})
