import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Fleet } from './fleet.ts'
import { bundledProgram } from './programs.ts'
import type { Variant } from './servers.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
/** Below the package, so that the program of a member finds the clients. */
const caches = join(import.meta.dirname, '../../.cache')
let folder: string
let program: string
let fleet: Fleet | undefined

beforeAll(async () => {
  mkdirSync(caches, { recursive: true })
  folder = mkdtempSync(join(caches, 'fleet-'))
  program = await bundledProgram('member', folder)
})
afterEach(async () => {
  await fleet?.stop()
  fleet = undefined
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const variants: readonly (readonly [Variant, number])[] = [
  ['single', 18_000],
  ['sentinel', 5_000],
  ['cluster', 5_000],
]

describe('processes that share a Redis', () => {
  it.each(variants)('keep every promise in trouble: %s', { timeout: 120_000 }, async (variant, forMs) => {
    fleet = await Fleet.start({ variant, seed, processes: 3, keys: 48, forMs, program, folder: join(folder, variant) })
    const { violations, summary } = await fleet.run()
    console.log(summary)
    expect(violations.join('\n\n')).toBe('')
  })
})
