import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { numberBefore, run as runIn } from './running-service.ts'
import type { Run, RunOptions } from './running-service.ts'

let dataDir: string

// One folder for all: the first start of PGlite in it takes seconds.
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'factor-service-'))
})
afterAll(async () => {
  await rm(dataDir, { recursive: true })
})

const run = (args: readonly string[], options: Omit<RunOptions, 'dataDir'> = {}): Promise<Run> =>
  runIn(args, { ...options, dataDir })

describe('start', () => {
  test('shows no client an error, and finds its disk warm the second time', async () => {
    const first = await run(['--seconds', '2', '--check'])
    expect(first).toMatchObject({ code: 0, output: expect.stringContaining('0 of 1,600 requests failed') })
    // Another request for a factor may overtake the first one.
    expect(numberBefore(first.output, 'by source')).toBeGreaterThan(30)
    expect(first.output).not.toMatch(/by (disk|postgres)/)

    const second = await run(['--seconds', '2', '--check'])
    expect(second).toMatchObject({ code: 0, output: expect.stringContaining('0 of 1,600 requests failed') })
    expect(numberBefore(second.output, 'by disk')).toBeGreaterThan(20)
    expect(numberBefore(second.output, 'by postgres')).toBeGreaterThan(5)
  })

  test('serves until it is interrupted and then ends by itself', async () => {
    let asked: Promise<Response> | undefined
    const { code } = await run(['--no-demo'], {
      onOutput: (output, interrupt) => {
        const origin = /at (http:\S+)/.exec(output)?.[1]
        if (!output.includes('Ctrl-C') || origin === undefined) return
        asked ??= fetch(`${origin}/factors/electricity/FRA`).finally(interrupt)
      },
    })
    expect((await asked)?.status).toBe(200)
    expect(code).toBe(0)
  })

  test('serves the dashboard of its cache, to whoever has the address', async () => {
    let looked: Promise<readonly number[]> | undefined
    const look = async (address: string, token: string): Promise<readonly number[]> => {
      const page = await fetch(address)
      const body = JSON.stringify({ namespace: 'emission_factors', key: 'electricity:FRA:average:latest' })
      const headers = { 'content-type': 'application/json', 'x-tierwise-dashboard': '1' }
      const inspect = (more: object): Promise<Response> =>
        fetch(`${address}api/inspect`, { method: 'POST', body, headers: { ...headers, ...more } })
      const [stranger, guest] = [await inspect({}), await inspect({ authorization: `Bearer ${token}` })]
      return [page.status, stranger.status, guest.status]
    }
    const { code } = await run(['--no-demo'], {
      onOutput: (output, interrupt) => {
        const [, address, token] = /at (http:\S+)#token=(\S+)/.exec(output) ?? []
        if (!output.includes('Ctrl-C') || address === undefined || token === undefined) return
        looked ??= look(address, token).finally(interrupt)
      },
    })
    expect(await looked).toEqual([200, 401, 200])
    expect(code).toBe(0)
  })

  test('stops in the middle of the demo when it is interrupted', async () => {
    const { code } = await run(['--seconds', '20'], {
      onOutput: (output, interrupt) => {
        if (output.includes('Source healthy')) interrupt()
      },
    })
    expect(code).toBe(0)
  })

  test('leaves a folder alone that another process serves from', async () => {
    let second: Promise<Run> | undefined
    const first = await run(['--no-demo'], {
      onOutput: (output, interrupt) => {
        if (output.includes('Ctrl-C')) second ??= run(['--no-demo']).finally(interrupt)
      },
    })
    expect(first.code).toBe(0)
    expect(await second).toMatchObject({ code: 1, output: expect.stringContaining('is serving from') })
  })

  test('explains its options', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, output: expect.stringContaining('--seconds') })
    expect(await run(['--secnds', '2'])).toMatchObject({ code: 2, output: expect.stringContaining('--secnds') })
    expect(await run(['--seconds', 'ten'])).toMatchObject({ code: 2, output: expect.stringContaining("'ten'") })
  })
})
