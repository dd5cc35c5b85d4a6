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

/** How long there is trouble, and how many answers have to be judged; a busy machine takes longer. */
const variants: readonly (readonly [Variant, { readonly forMs: number; readonly answers: number }])[] = [
  ['single', { forMs: 18_000, answers: 1_000_000 }],
  ['sentinel', { forMs: 6_000, answers: 150_000 }],
  ['cluster', { forMs: 5_000, answers: 100_000 }],
]

describe('processes that share a Redis', () => {
  it.each(variants)('keep every promise in trouble: %s', { timeout: 120_000 }, async (variant, size) => {
    const place = { program, folder: join(folder, variant) }
    fleet = await Fleet.start({ variant, seed, processes: 3, keys: 48, ...size, ...place })
    const { violations, summary, operations } = await fleet.run()
    console.log(summary)
    expect(violations.join('\n\n')).toBe('')
    expect(operations).toBeGreaterThan(size.answers)
  })
})
