import type * as nodeRunner from 'node:test'

import { describe, expect, expectTypeOf, it } from 'vitest'
import type * as vitestRunner from 'vitest'

import type { TierDefinition } from '../../src/contract/tier.ts'
import { mapTier, type MapTierOptions } from '../../src/testing/map-tier.ts'
import { tierConformance, type TestRunner } from '../../src/testing/tier-conformance.ts'
import { CollectingRunner } from './collecting-runner.ts'
import { noteDefects } from './note-defects.ts'
import { protocolDefects } from './protocol-defects.ts'
import { storageDefects } from './storage-defects.ts'
import { mutated, type Mutation } from './tier-defect.ts'

describe('tierConformance', () => {
  it('has tests with names of their own', () => {
    const { names } = collect(mapTier)
    expect(names.length).toBeGreaterThan(70)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it('takes the modules of vitest and of node as its runner', () => {
    expectTypeOf<typeof vitestRunner>().toExtend<TestRunner>()
    expectTypeOf<typeof nodeRunner>().toExtend<TestRunner>()
  })

  it('finds nothing wrong with a decorated tier that is correct', async () => {
    expect(await failuresOf(() => ({}))).toEqual([])
  })

  for (const [defect, chapter, mutate, options] of [...storageDefects, ...protocolDefects, ...noteDefects]) {
    it(`catches a tier that ${defect}`, async () => {
      expect(await failuresOf(mutate, options, chapter)).not.toEqual([])
    })
  }
})

function collect(definition: () => TierDefinition): CollectingRunner {
  const runner = new CollectingRunner()
  tierConformance({ name: 'broken', definition, runner })
  return runner
}

function failuresOf(mutate: Mutation, options: MapTierOptions = {}, chapter = ''): Promise<readonly string[]> {
  return collect(() => mutated(mapTier(options), mutate)).failures(chapter)
}
