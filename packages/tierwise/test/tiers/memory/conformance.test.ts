import * as runner from 'vitest'
import { memory } from '../../../src/tiers/memory/index.ts'
import { localTierConformance } from '../../../src/testing/local-tier-conformance.ts'

localTierConformance({ name: 'memory', definition: () => memory({ maxBytes: '16mb' }), runner })
