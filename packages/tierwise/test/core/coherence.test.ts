import { afterEach, describe, expect, test } from 'vitest'

import { deepStacks, heldByTier, openStack, stacks, stacksWithTiers } from '../stacks.ts'
import type { OpenStack, Stack, StackOptions } from '../stacks.ts'
import { Gate, slowTier } from './model/slow-tier.ts'

let opened: { stack: OpenStack; gate: Gate }[] = []

afterEach(async () => {
  const all = opened
  opened = []
  for (const { stack, gate } of all) {
    gate.release()
    await stack.stop()
  }
})

function open(stack: Stack, options: StackOptions = {}): OpenStack & { gate: Gate } {
  const gate = new Gate()
  const opening = openStack(stack, { ...options, around: (definition) => slowTier(definition, gate.pauseFor) })
  opened.push({ stack: opening, gate })
  return { ...opening, gate }
}

type Change = (stack: OpenStack) => Promise<unknown>

/** Every way to say that what was read of `key` before is no longer true. None of them brings the value `old`. */
const changes: Readonly<Record<string, Change>> = {
  delete: ({ cache }) => cache.delete('key'),
  deleteMany: ({ cache }) => cache.deleteMany(['other', 'key']),
  set: ({ cache }) => cache.set('key', 'new'),
  'set behind': ({ cache }) => cache.set('key', 'new', { writeMode: 'behind' }),
  'set around': ({ cache }) => cache.set('key', 'new', { writeMode: 'around' }),
  setMany: ({ cache }) => cache.setMany([['key', 'new']]),
  expire: ({ cache }) => cache.expire('key'),
  invalidateTags: ({ cache }) => cache.invalidateTags(['tag']),
  'invalidateTags of the manager': ({ manager }) => manager.invalidateTags(['tag']),
  invalidatePattern: ({ cache }) => cache.invalidatePattern('k?y'),
  clear: ({ cache }) => cache.clear(),
  'clear hard': ({ cache }) => cache.clear({ hard: true }),
  'clear of the manager': ({ manager }) => manager.clear(),
  mutate: ({ cache }) => cache.mutate(['key'], async () => undefined),
}

const changeNames = Object.keys(changes)

/** Lets everything that is under way end, late replies and replayed intents included. */
async function quiet(stack: OpenStack & { gate: Gate }): Promise<void> {
  stack.gate.release()
  for (const name of stack.below) stack.plan(name).clear()
  await stack.runtime.advance(7000)
}

async function expectNoOld(stack: OpenStack): Promise<void> {
  const held = await heldByTier(stack, 'key')
  for (const [tier, value] of Object.entries(held)) expect(value, `tier ${tier}`).not.toBe('old')
  expect(await stack.runtime.until(stack.cache.get('key'))).not.toBe('old')
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}

interface HeldLoad {
  readonly done: Promise<unknown>
  end(): void
}

/** A load whose loader has read `old` from the source and has not returned yet. */
async function loadingOld(
  stack: OpenStack,
  load: (loader: () => Promise<string>) => Promise<unknown>,
): Promise<HeldLoad> {
  const called = deferred()
  const reply = deferred()
  const done = load(async () => {
    called.resolve()
    await reply.promise
    return 'old'
  })
  await stack.runtime.until(called.promise)
  return { done, end: reply.resolve }
}

const single = (stack: OpenStack) => (loader: () => Promise<string>) =>
  stack.cache.getOrSet('key', loader, { tags: ['tag'] })
const batch = (stack: OpenStack) => (loader: () => Promise<string>) =>
  stack.cache.getOrSetMany(
    ['key', 'more'],
    async () =>
      new Map([
        ['key', await loader()],
        ['more', 'old'],
      ]),
    { tags: ['tag'] },
  )

describe.each(stacks)('a change while a loader runs, over $name', (definition) => {
  test.each(changeNames)('is not undone when the load ends after: %s', async (name) => {
    const stack = open(definition)
    const load = await loadingOld(stack, single(stack))
    await stack.runtime.until(changes[name]!(stack))
    load.end()
    expect(await stack.runtime.until(load.done)).toBe('old')
    await quiet(stack)
    await expectNoOld(stack)
  })

  test.each(changeNames)('is not undone when the batch ends after: %s', async (name) => {
    const stack = open(definition)
    const load = await loadingOld(stack, batch(stack))
    await stack.runtime.until(changes[name]!(stack))
    load.end()
    await stack.runtime.until(load.done)
    await quiet(stack)
    await expectNoOld(stack)
  })

  test.each(changeNames)('is not undone by the late end of a load that timed out: %s', async (name) => {
    const stack = open(definition)
    const load = await loadingOld(stack, (loader) =>
      stack.cache.getOrSet('key', loader, { hardTimeout: 100, tags: ['tag'] }),
    )
    const failed = expect(load.done).rejects.toMatchObject({ code: 'ERR_CACHE_LOADER_TIMEOUT' })
    await stack.runtime.advance(100)
    await failed
    await stack.runtime.until(changes[name]!(stack))
    load.end()
    await quiet(stack)
    await expectNoOld(stack)
  })

  test.each(changeNames)('sends later callers to a load of their own: %s', async (name) => {
    const stack = open(definition)
    const load = await loadingOld(stack, single(stack))
    await stack.runtime.until(changes[name]!(stack))
    const later = stack.cache.getOrSet('key', () => 'new')
    const many = stack.cache.getOrSetMany(['key'], async (keys) => new Map(keys.map((key) => [key, 'new'])))
    await stack.runtime.settle()
    // Which tags the value under way has is known when it lands, so after a tag invalidation they wait for it first.
    load.end()
    expect(await stack.runtime.until(later)).toBe('new')
    expect(await stack.runtime.until(many)).toEqual(new Map([['key', 'new']]))
    await load.done
    await quiet(stack)
    await expectNoOld(stack)
  })

  test.each(changeNames)('is not undone by a change that starts while a refresh runs: %s', async (name) => {
    const stack = open(definition)
    await stack.runtime.until(stack.cache.set('key', 'older', { tags: ['tag'] }))
    const load = await loadingOld(stack, (loader) =>
      stack.cache.getOrSet('key', loader, { forceFresh: true, tags: ['tag'] }),
    )
    await stack.runtime.until(changes[name]!(stack))
    load.end()
    await load.done
    await quiet(stack)
    await expectNoOld(stack)
    expect(await stack.runtime.until(stack.cache.get('key'))).not.toBe('older')
  })
})

const tierCells = stacksWithTiers.flatMap((stack) =>
  stack.below.map(({ name }) => ({ stack, tier: name, cell: `${stack.name}, ${name}` })),
)
const deepCells = deepStacks.flatMap((stack) =>
  stack.below.map(({ name }) => ({ stack, tier: name, cell: `${stack.name}, ${name}` })),
)

describe.each(tierCells)('a change while a fill is under way, over $cell', ({ stack: definition, tier }) => {
  test.each(changeNames)('wins when the store is late with the fill: %s', async (name) => {
    const stack = open(definition)
    await stack.manager.start()
    stack.gate.holdNext(tier, 'set', 'request')
    const load = stack.cache.getOrSet('key', () => 'old', { tags: ['tag'] })
    await stack.runtime.settle()
    expect(stack.gate.holds).toBe(1)
    const change = changes[name]!(stack)
    await stack.runtime.until(change)
    await quiet(stack)
    expect(await load).toBe('old')
    await expectNoOld(stack)
  })

  test.each(changeNames)('wins when memory has let the value go meanwhile: %s', async (name) => {
    const stack = open(definition, { memoryEntries: 1 })
    await stack.manager.start()
    stack.gate.holdNext(tier, 'set', 'request')
    const load = stack.cache.getOrSet('key', () => 'old', { tags: ['tag'] })
    await stack.runtime.settle()
    for (const other of ['a', 'b', 'c', 'd'])
      await stack.runtime.until(stack.cache.set(other, 1, { tiers: [stack.names[0]!] }))
    await stack.runtime.until(changes[name]!(stack))
    await quiet(stack)
    expect(await load).toBe('old')
    await expectNoOld(stack)
  })

  test.each(changeNames)('wins when the reply of the store is late: %s', async (name) => {
    const stack = open(definition)
    await stack.manager.start()
    stack.gate.holdNext(tier, 'set', 'reply')
    const load = stack.cache.getOrSet('key', () => 'old', { tags: ['tag'] })
    await stack.runtime.settle()
    await stack.runtime.until(changes[name]!(stack))
    await quiet(stack)
    expect(await load).toBe('old')
    await expectNoOld(stack)
  })
})

type Read = (stack: OpenStack) => Promise<unknown>

/** Everything that reads lower tiers, and may fill the ones above with what it finds. */
const reads: Readonly<Record<string, Read>> = {
  get: ({ cache }) => cache.get('key'),
  getMany: ({ cache }) => cache.getMany(['key', 'more']),
  getEntry: ({ cache }) => cache.getEntry('key'),
  getOrSet: ({ cache }) => cache.getOrSet('key', () => 'loaded'),
  getOrSetMany: ({ cache }) => cache.getOrSetMany(['key'], async () => new Map([['key', 'loaded']])),
  touch: ({ cache }) => cache.touch('key', '1h'),
}

const readNames = Object.keys(reads)
const pairs = readNames.flatMap((read) => changeNames.map((change) => ({ read, change })))

/** `old` is in the lowest tier only; the read stops there with the reply in hand. */
async function readingOld(stack: OpenStack & { gate: Gate }, read: Read): Promise<{ readonly done: Promise<unknown> }> {
  const last = stack.below.at(-1)!
  await stack.runtime.until(stack.cache.set('key', 'old', { tiers: [last], tags: ['tag'] }))
  stack.gate.holdNext(last, 'get', 'reply')
  const reading = read(stack)
  await stack.runtime.settle()
  expect(stack.gate.holds).toBe(1)
  return { done: reading }
}

describe.each(stacksWithTiers)('a change while a lower tier answers, over $name', (definition) => {
  test.each(pairs)('is not undone by $read after $change', async ({ read, change }) => {
    const stack = open(definition)
    const reading = await readingOld(stack, reads[read]!)
    await stack.runtime.until(changes[change]!(stack))
    await quiet(stack)
    await reading.done
    await expectNoOld(stack)
  })
})

describe.each(deepCells)('a read while a change is on its way to a tier, over $cell', ({ stack: definition, tier }) => {
  const written = changeNames.filter((name) => !/Tags|clear/.test(name))
  const operations = {
    delete: 'delete',
    deleteMany: 'delete',
    mutate: 'delete',
    invalidatePattern: 'delete',
  } as Record<string, 'delete'>
  const cells = readNames.flatMap((read) => written.map((change) => ({ read, change })))

  test.each(cells)('$read during $change leaves nothing old behind', async ({ read, change }) => {
    const stack = open(definition)
    await stack.runtime.until(stack.cache.set('key', 'old', { tiers: [stack.below.at(-1)!], tags: ['tag'] }))
    stack.gate.holdNext(tier, operations[change] ?? 'set', 'request')
    const changing = changes[change]!(stack)
    await stack.runtime.settle()
    const reading = reads[read]!(stack)
    await stack.runtime.settle()
    stack.gate.release()
    await stack.runtime.until(changing)
    // A load that joined in between is as new as the change; anything else has to wait for the next read.
    const after = await stack.runtime.until(stack.cache.get('key'))
    expect(after).not.toBe('old')
    await reading
    await quiet(stack)
    if (read !== 'touch') await expectNoOld(stack)
  })
})
