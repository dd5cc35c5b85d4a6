import * as vitest from 'vitest'
import { describe, expect, it } from 'vitest'

import { localTierConformance } from '../../src/testing/local-tier-conformance.ts'
import { CollectingRunner } from './collecting-runner.ts'
import { plainLocalTier, type PlainSpace } from './plain-local-tier.ts'

localTierConformance({ name: 'plain', definition: () => plainLocalTier(), runner: vitest })

const mutations: readonly (readonly [defect: string, chapter: string, decorate: (space: PlainSpace) => void])[] = [
  ['copies values', 'entries', (space) => change(space, 'read', (read) => (key) => structuredClone(read(key)))],
  [
    'takes falsy values as absent',
    'entries',
    (space) => change(space, 'read', (read) => (key) => read(key) || undefined),
  ],
  ['counts finds', 'entries', (space) => change(space, 'find', (find) => (key) => (space.hits++, find(key)))],
  [
    'says that everything was held',
    'entries',
    (space) => change(space, 'delete', (remove) => (key) => remove(key) || true),
  ],
  [
    'merges an entry into the old one',
    'entries',
    (space) =>
      change(
        space,
        'set',
        (set) => (key, entry, reviewAt) =>
          set(key, { ...entry, tags: [...(space.held.get(key)?.tags ?? []), ...entry.tags] }, reviewAt),
      ),
  ],
  ['clears nothing', 'entries', (space) => change(space, 'clear', () => () => {})],
  ['trims keys', 'entries', (space) => change(space, 'set', (set) => (key, entry, at) => set(key.trim(), entry, at))],
  [
    'lists live, so that a changed key comes twice',
    'entries',
    (space) => change(space, 'keys', () => () => space.held.keys() as IterableIterator<string>),
  ],
  [
    'reads at reviewAt',
    'life',
    (space) => change(space, 'set', (set) => (key, entry, reviewAt) => set(key, entry, reviewAt + 1)),
  ],
  [
    'ignores reviewAt',
    'life',
    (space) => change(space, 'set', (set) => (key, entry) => set(key, entry, entry.usableUntil)),
  ],
  [
    'ignores the right to serve',
    'life',
    (space) => void Object.defineProperty(space, 'servableUntil', { get: () => Infinity, set: () => {} }),
  ],
  ['finds the dead', 'life', (space) => change(space, 'find', () => (key) => space.held.get(key))],
  [
    'drops the stale',
    'life',
    (space) =>
      change(space, 'set', (set) => (key, entry, at) => set(key, { ...entry, usableUntil: entry.freshUntil }, at)),
  ],
  ['lists the dead', 'life', (space) => change(space, 'keys', () => () => [...space.held.keys()].values())],
  [
    'ignores tags',
    'life',
    (space) => change(space, 'set', (set) => (key, entry, at) => set(key, { ...entry, tags: [] }, at)),
  ],
  [
    'takes the tag clock of the write',
    'life',
    (space) =>
      change(
        space,
        'set',
        (set) => (key, entry, at) => set(key, { ...entry, tagClock: space.options.tagClock.now }, at),
      ),
  ],
  [
    'ignores the size an entry brings',
    'budget',
    (space) => change(space, 'set', (set) => (key, entry, at) => set(key, { ...entry, sizeBytes: 0 }, at)),
  ],
  [
    'keeps the old value when the new one is too large',
    'budget',
    (space) =>
      change(space, 'set', (set) => (key, entry, at) => {
        const held = space.held.get(key)
        const isSet = set(key, entry, at)
        if (!isSet && held) space.held.set(key, held)
        return isSet
      }),
  ],
  [
    'has no quota',
    'budget',
    (space) =>
      change(space, 'set', () => (key, entry, reviewAt) => Boolean(space.held.set(key, { ...entry, reviewAt }))),
  ],
  ['forgets to count', 'budget', (space) => void Object.defineProperty(space, 'size', { value: 0 })],
]

describe('localTierConformance', () => {
  for (const [defect, chapter, decorate] of mutations) {
    it(`catches a local tier that ${defect}`, async () => {
      const runner = new CollectingRunner()
      localTierConformance({ name: 'broken', definition: () => plainLocalTier(decorate), runner })
      expect(await runner.failures(chapter)).not.toEqual([])
    })
  }
})

function change<Name extends 'read' | 'find' | 'set' | 'delete' | 'clear' | 'keys'>(
  space: PlainSpace,
  name: Name,
  wrap: (original: PlainSpace[Name]) => PlainSpace[Name],
): void {
  Object.defineProperty(space, name, { value: wrap(space[name].bind(space) as PlainSpace[Name]) })
}
