import * as vitest from 'vitest'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { sharedStore, type SharedStore } from '../../src/testing/shared-store.ts'
import { tierConformance } from '../../src/testing/tier-conformance.ts'

for (const lanes of [1, 4]) {
  tierConformance({
    name: `shared store with lanes: ${lanes}`,
    definition: () => {
      let store: SharedStore | undefined
      return {
        name: 'shared',
        create: (context) => {
          store ??= sharedStore({ clock: context.clock, random: seededRandom(1), lanes })
          return store.tier().create(context)
        },
      }
    },
    runner: vitest,
    loneSurrogates: true,
  })
}
