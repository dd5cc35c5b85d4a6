import { Writable } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import type { Warming } from '../../src/contract/warming.ts'
import { showProgress } from '../../src/warming/show-progress.ts'
import { overTwoTiers } from './two-tiers.ts'

let stop = async (): Promise<void> => undefined
afterEach(() => stop())

/** A warming of fifty keys that takes 25 seconds. */
async function slowWarming(): Promise<{ warming: Warming; finish: () => Promise<unknown> }> {
  const { manager, cache, runtime, stop: end } = overTwoTiers()
  stop = end
  await cache.get('opens the tiers')
  const load = async ({ key }: { readonly key: string }): Promise<string> => {
    await new Promise<void>((resolve) => void runtime.timers.after(500, resolve))
    return key
  }
  const keys = Array.from({ length: 50 }, (_, at) => `k${at}`)
  const warming = manager.warm({ namespace: 'factors', keys, load }, { name: 'factors', concurrency: 1, batchSize: 1 })
  return { warming, finish: () => runtime.until(warming) }
}

class Terminal extends Writable {
  readonly isTTY = true
  readonly columns = 120
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

describe('showProgress', () => {
  test('writes a line every five seconds where there is no terminal', async () => {
    const { warming, finish } = await slowWarming()
    const lines: string[] = []
    const shown = showProgress(warming, { stream: { write: (text) => lines.push(text) } })
    await finish()
    await shown
    expect(lines).toHaveLength(6)
    expect(lines[0]).toBe('factors: 10 of 50 keys (10 loaded), 20 s left\n')
    expect(lines.at(-1)).toBe('factors: 50 of 50 keys (50 loaded), took 25 s\n')
  })

  test('draws a bar on a terminal', async () => {
    const { warming, finish } = await slowWarming()
    const terminal = new Terminal()
    const shown = showProgress(warming, { stream: terminal })
    // The bar comes with a package that is imported first.
    await import('cli-progress')
    await finish()
    await shown
    expect(terminal.text).toContain('50/50 keys')
    expect(terminal.text).toContain('took 25 s')
    expect(terminal.text).toMatch(/\[=+-*\]/)
  })

  test('writes nothing when it is to be silent', async () => {
    const { warming, finish } = await slowWarming()
    const lines: string[] = []
    const shown = showProgress(warming, { silent: true, stream: { isTTY: true, write: (text) => lines.push(text) } })
    await finish()
    await shown
    expect(lines).toEqual([])
  })

  test('rejects as the warming does', async () => {
    const { manager, stop: end } = overTwoTiers()
    stop = end
    const wrong = manager.warm({ namespace: 'factors' } as never)
    await expect(showProgress(wrong, { silent: true })).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
  })
})
