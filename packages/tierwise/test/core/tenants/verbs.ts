import type { Cache } from '../../../src/contract/cache.ts'
import { listed } from './chains.ts'

/** What a tenant does with one verb, and what it is told. Every tenant holds `one` and `two`, with the tag `tag`. */
export interface VerbCase {
  readonly does: (view: Cache<unknown>, other: string) => Promise<unknown>
  /** What it is told when its own values begin with `acme`. Absent where only the others count. */
  readonly told?: unknown
  /** Its own keys afterwards. */
  readonly keeps: readonly string[]
  /** What becomes of it without a tenant. `refused`: as an operation on keys. */
  readonly withoutTenant: 'refused' | 'allowed'
}

/** Entries every tenant begins with: the same keys and tags, values that tell whose they are. */
export async function furnish(view: Cache<unknown>, tenant: string): Promise<void> {
  await view.set('one', `${tenant} one`, { tags: ['tag', 'first'] })
  await view.getOrSet('two', () => `${tenant} two`, { tags: ['tag'] })
}

const both = ['one', 'two']
const refusedBy = async (work: () => unknown): Promise<unknown> => {
  try {
    return await work()
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** Every verb. One that is new in the interface is missing here, which the compiler and a test say. */
export const verbs: Readonly<Record<Exclude<keyof Cache, 'name'>, readonly VerbCase[]>> = {
  forTenant: [
    {
      does: (view, other) => refusedBy(() => view.forTenant(other)),
      told: 'ERR_CACHE_OPTION',
      keeps: both,
      withoutTenant: 'allowed',
    },
  ],
  get: [
    {
      does: async (view, other) => [await view.get('one'), await view.get(`${other}:one`), await view.get('none')],
      told: ['acme one', undefined, undefined],
      keeps: both,
      withoutTenant: 'refused',
    },
  ],
  inspect: [
    {
      does: async (view, other) => [
        (await view.inspect('one')).every(
          ({ state, entry }) => state === 'fresh' && entry?.value === 'acme one' && entry.tags.join() === 'tag,first',
        ),
        (await view.inspect(`${other}:one`)).every(({ state }) => state === 'absent'),
      ],
      told: [true, true],
      keeps: both,
      withoutTenant: 'refused',
    },
  ],
  getOrSet: [
    {
      does: async (view) => [
        await view.getOrSet('one', () => 'not asked'),
        await view.getOrSet('new', ({ key, setTags }) => {
          setTags(['tag'])
          return `loaded ${key}`
        }),
        await view.getOrSet('one', ({ key }) => `fresh ${key}`, { forceFresh: true, tags: ['first'] }),
      ],
      told: ['acme one', 'loaded new', 'fresh one'],
      keeps: ['new', 'one', 'two'],
      withoutTenant: 'refused',
    },
  ],
  peek: [
    {
      does: async (view, other) => [view.peek(`${other}:one`), view.peek(`acme:one`), view.peek(5 as never)],
      told: [undefined, undefined, undefined],
      keeps: both,
      withoutTenant: 'refused',
    },
  ],
  getEntry: [
    {
      does: async (view, other) => {
        const entry = await view.getEntry('one')
        return [entry?.value, entry?.tags, entry?.stale, await view.getEntry(`${other}:one`)]
      },
      told: ['acme one', ['tag', 'first'], false, undefined],
      keeps: both,
      withoutTenant: 'refused',
    },
  ],
  set: [
    {
      does: async (view, other) => {
        await view.set('one', 'changed', { tags: ['tag'] })
        await view.set(`${other}:one`, 'mine')
        return [await view.get('one'), await view.get(`${other}:one`)]
      },
      told: ['changed', 'mine'],
      keeps: ['bell:one', 'one', 'two'],
      withoutTenant: 'refused',
    },
  ],
  setMany: [
    {
      does: async (view) => {
        const results = await view.setMany([
          ['one', 'changed'],
          ['three', 3],
        ])
        return [[...results.keys()], await view.getMany(['one', 'three'])]
      },
      told: [
        ['one', 'three'],
        new Map<string, unknown>([
          ['one', 'changed'],
          ['three', 3],
        ]),
      ],
      keeps: ['one', 'three', 'two'],
      withoutTenant: 'refused',
    },
  ],
  delete: [
    {
      does: async (view, other) => [
        await view.delete('one'),
        await view.delete('one'),
        await view.delete(`${other}:one`),
      ],
      told: [true, false, false],
      keeps: ['two'],
      withoutTenant: 'refused',
    },
  ],
  deleteMany: [
    {
      does: (view, other) => view.deleteMany(['one', 'two', 'none', `${other}:one`, `${other}:two`]),
      told: 2,
      keeps: [],
      withoutTenant: 'refused',
    },
  ],
  has: [
    {
      does: async (view, other) => [await view.has('one'), await view.has('none'), await view.has(`${other}:one`)],
      told: [true, false, false],
      keeps: both,
      withoutTenant: 'refused',
    },
  ],
  ttl: [
    {
      does: async (view, other) => [
        (await view.ttl('one')) !== undefined,
        await view.ttl('none'),
        await view.ttl(`${other}:one`),
      ],
      told: [true, undefined, undefined],
      keeps: both,
      withoutTenant: 'refused',
    },
  ],
  touch: [
    {
      does: async (view, other) => [
        await view.touch('one', '2h'),
        await view.touch(`${other}:one`, '2h'),
        ((await view.ttl('one')) ?? 0) > 3_600_000,
      ],
      told: [true, false, true],
      keeps: both,
      withoutTenant: 'refused',
    },
  ],
  expire: [
    {
      does: async (view, other) => [await view.expire('one'), await view.expire(`${other}:one`), await view.get('one')],
      told: [true, false, undefined],
      keeps: ['two'],
      withoutTenant: 'refused',
    },
  ],
  getMany: [
    {
      does: (view, other) => view.getMany(['one', 'two', 'none', `${other}:one`]),
      told: new Map([
        ['one', 'acme one'],
        ['two', 'acme two'],
      ]),
      keeps: both,
      withoutTenant: 'refused',
    },
  ],
  getOrSetMany: [
    {
      does: (view) =>
        view.getOrSetMany(
          ['one', 'new', 'left out'],
          (missing) =>
            new Map<string, unknown>([
              ['new', missing.join()],
              ['unasked', 1],
              ['two', 'unasked'],
            ]),
          { tags: ['tag'] },
        ),
      told: new Map([
        ['one', 'acme one'],
        ['new', 'new,left out'],
      ]),
      keeps: ['new', 'one', 'two'],
      withoutTenant: 'refused',
    },
  ],
  invalidate: [
    {
      does: async (view, other) => (await view.invalidate(['one', `${other}:one`])).held,
      told: 1,
      keeps: ['two'],
      withoutTenant: 'refused',
    },
    {
      does: async (view) => (await view.invalidate('one', { fence: 5, barrier: true })).held,
      told: 1,
      keeps: ['two'],
      withoutTenant: 'refused',
    },
    {
      does: async (view) => (await view.invalidate('one', { keepStale: true })).held,
      told: 1,
      keeps: ['two'],
      withoutTenant: 'refused',
    },
  ],
  invalidateTags: [
    { does: (view) => view.invalidateTags(['first']), keeps: ['two'], withoutTenant: 'allowed' },
    { does: (view) => view.invalidateTags(['tag'], { strict: true }), keeps: [], withoutTenant: 'allowed' },
    {
      does: (view, other) => view.invalidateTags([`${other}:tag`, other, `test:${other}`, `:${other}:tag`]),
      keeps: both,
      withoutTenant: 'allowed',
    },
    {
      does: async (view, other) => [
        await refusedBy(() => view.invalidateTags([`~${other}`])),
        await refusedBy(() => view.invalidateTags([`~${other}:tag`])),
        await refusedBy(() => view.set('one', 'x', { tags: [`~${other}`] })),
        await refusedBy(() => view.getOrSet('new', ({ setTags }) => (setTags([`~${other}:tag`]), 1))),
      ],
      told: ['ERR_CACHE_OPTION', 'ERR_CACHE_OPTION', 'ERR_CACHE_OPTION', 'ERR_CACHE_OPTION'],
      keeps: both,
      withoutTenant: 'allowed',
    },
  ],
  invalidatePattern: [
    { does: (view) => view.invalidatePattern('*'), told: 2, keeps: [], withoutTenant: 'allowed' },
    { does: (view) => view.invalidatePattern('o?e'), told: 1, keeps: ['two'], withoutTenant: 'allowed' },
    {
      does: async (view, other) => [
        await view.invalidatePattern(`${other}:*`),
        await view.invalidatePattern(`?*:one`),
        await view.invalidatePattern(`[^x]*:*`),
        await view.invalidatePattern(`\\*`),
      ],
      told: [0, 0, 0, 0],
      keeps: both,
      withoutTenant: 'allowed',
    },
  ],
  keys: [
    {
      does: async (view, other) => [
        await listed(view),
        await listed(view, 'o*'),
        await listed(view, `${other}*`),
        await listed(view, '*:*'),
        await listed(view, ''),
      ],
      told: [both, ['one'], [], [], []],
      keeps: both,
      withoutTenant: 'allowed',
    },
  ],
  clear: [
    { does: (view) => view.clear(), keeps: [], withoutTenant: 'allowed' },
    { does: (view) => view.clear({ hard: true, strict: true }), keeps: [], withoutTenant: 'allowed' },
  ],
  mutate: [
    {
      does: (view, other) => view.mutate(['one', `${other}:one`], async () => 'done'),
      told: 'done',
      keeps: ['two'],
      withoutTenant: 'refused',
    },
  ],
  wrap: [
    {
      does: async (view) => {
        let calls = 0
        const double = view.wrap((n: unknown) => `${++calls}: ${String(n)}`, { key: (n) => String(n), tags: ['tag'] })
        return [await double('one'), await double('new'), await double('new')]
      },
      told: ['acme one', '1: new', '1: new'],
      keeps: ['new', 'one', 'two'],
      withoutTenant: 'refused',
    },
  ],
}
