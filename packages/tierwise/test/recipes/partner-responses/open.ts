import { afterEach } from 'vitest'

import { partnerResponses } from '../../../src/recipes/partner-responses.ts'
import type { PartnerResponses, PartnerResponsesOptions } from '../../../src/recipes/partner-responses.ts'
import { mapTier, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'
import { PartnerServer } from './partner-server.ts'

export interface Opened extends TestCache {
  readonly server: PartnerServer
  readonly responses: PartnerResponses
  /** A recipe over the same cache. */
  recipe(options: PartnerResponsesOptions): PartnerResponses
}

/** Opens a recipe with a real partner and time that the test moves, over memory alone or with a tier below. */
export function opener(): (options?: PartnerResponsesOptions, tiers?: 'memory' | 'below' | 'both') => Promise<Opened> {
  const opened: Opened[] = []
  afterEach(async () => {
    for (const { server, stop } of opened.splice(0)) {
      await server.stop()
      await stop()
    }
  })
  return async (options = {}, tiers = 'both') => {
    const server = await new PartnerServer().start()
    let builder = testCache()
    if (tiers !== 'below') builder = builder.memory()
    if (tiers !== 'memory') builder = builder.tier(mapTier({ name: 'below' }))
    const test = builder.namespace('partner_responses').build()
    const recipe = (own: PartnerResponsesOptions): PartnerResponses =>
      partnerResponses(test.cache, { now: () => test.runtime.clock.now(), ...own })
    const all = { ...test, server, recipe, responses: recipe(options) }
    opened.push(all)
    return all
  }
}
