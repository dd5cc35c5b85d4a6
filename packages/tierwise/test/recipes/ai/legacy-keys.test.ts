import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { createLegacyKeyGenerator } from '../../../src/recipes/ai/index.ts'
import type { LegacyKeyParts } from '../../../src/recipes/ai/index.ts'

interface Golden extends LegacyKeyParts {
  readonly threshold?: number
  readonly key: string
}

/** Computed in Python, by the rules of the older cache. */
const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'legacy-keys.json'), 'utf8')) as readonly Golden[]

describe('the keys of the older cache', () => {
  it.each(golden.map((each, at) => [at, each] as const))('are made as they were made there: %i', (_, each) => {
    const { key, threshold, ...parts } = each
    const options = threshold === undefined ? {} : { textHashThreshold: threshold }
    expect(createLegacyKeyGenerator(options).key(parts)).toBe(key)
  })

  it('need options that Python has a form for', () => {
    const keys = createLegacyKeyGenerator()
    expect(() => keys.key({ text: 'a', operation: 'x', options: { call: () => 1 } })).toThrow('Python')
  })
})
