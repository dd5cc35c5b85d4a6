import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const entry = fileURLToPath(new URL('../dist/start.js', import.meta.url))
let dataDir: string

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'factor-service-'))
})
afterEach(async () => {
  await rm(dataDir, { recursive: true })
})

interface Run {
  readonly code: number | null
  readonly output: string
}

/** Runs the built service; `onOutput` sees everything printed so far. */
async function run(args: readonly string[], onOutput?: (output: string, interrupt: () => void) => void): Promise<Run> {
  const child = spawn(process.execPath, [entry, '--data', dataDir, '--port', '0', ...args])
  let output = ''
  // A second signal would end it at once.
  const interrupt = (): void => void (child.killed || child.kill('SIGINT'))
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
    onOutput?.(output, interrupt)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

function numberBefore(output: string, words: string): number {
  return Number(new RegExp(`([\\d,]+) ${words}`).exec(output)?.[1]?.replaceAll(',', ''))
}

describe('start', () => {
  test('shows no client an error, and finds its disk warm the second time', async () => {
    const first = await run(['--seconds', '2', '--check'])
    expect(first).toMatchObject({ code: 0, output: expect.stringContaining('0 of 1,600 requests failed') })
    expect(numberBefore(first.output, 'factors\n')).toBe(0)

    const second = await run(['--seconds', '2', '--check'])
    expect(second).toMatchObject({ code: 0, output: expect.stringContaining('0 of 1,600 requests failed') })
    expect(numberBefore(second.output, 'factors\n')).toBe(30)
    // On a busy machine another request may have brought a factor up to memory first.
    expect(numberBefore(second.output, 'answered by disk')).toBeGreaterThan(20)
  })

  test('serves until it is interrupted and then ends by itself', async () => {
    let asked: Promise<Response> | undefined
    const { code } = await run(['--no-demo'], (output, interrupt) => {
      const origin = /at (http:\S+)/.exec(output)?.[1]
      if (!output.includes('Ctrl-C') || origin === undefined) return
      asked ??= fetch(`${origin}/factors/electricity/FRA`).finally(interrupt)
    })
    expect((await asked)?.status).toBe(200)
    expect(code).toBe(0)
  })

  test('stops in the middle of the demo when it is interrupted', async () => {
    const { code } = await run(['--seconds', '20'], (output, interrupt) => {
      if (output.includes('Source healthy')) interrupt()
    })
    expect(code).toBe(0)
  })

  test('explains its options', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, output: expect.stringContaining('--seconds') })
    expect(await run(['--secnds', '2'])).toMatchObject({ code: 2, output: expect.stringContaining('--secnds') })
    expect(await run(['--seconds', 'ten'])).toMatchObject({ code: 2, output: expect.stringContaining("'ten'") })
  })
})
