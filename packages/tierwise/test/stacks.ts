import { afterEach } from 'vitest'

import type { CacheManagerOptions, NamespaceOptions } from '../src/contract/options.ts'
import type { TierCapabilities, TierDefinition } from '../src/contract/tier.ts'
import { fakeRuntime, mapTier, testCache } from '../src/testing/index.ts'
import type { FaultPlan, FakeRuntime, TestCache, TestCacheBuilder } from '../src/testing/index.ts'

/** A chain that the engine is tested over. */
export interface Stack {
  readonly name: string
  readonly hasMemory: boolean
  /** The byte tiers behind memory, fastest first. */
  readonly below: readonly StackTier[]
}

export interface StackTier {
  readonly name: string
  readonly capabilities: Partial<TierCapabilities>
}

/** What a tier can do that keeps values only: no versions, no tag table, nothing after a restart. */
const plain: Partial<TierCapabilities> = { shared: false, durable: false, versions: false, tags: false }
const versioned: Partial<TierCapabilities> = { shared: false, durable: false, tags: false }
const durable: Partial<TierCapabilities> = { shared: false }
const sharedOnly: Partial<TierCapabilities> = { durable: false, tags: false }

const tier = (name: string, capabilities: Partial<TierCapabilities>): StackTier => ({ name, capabilities })

/** The table of chains: every position, with tiers that order writes themselves and tiers that cannot. */
export const stacks: readonly Stack[] = [
  { name: 'L1', hasMemory: true, below: [] },
  { name: 'L2 plain', hasMemory: false, below: [tier('second', plain)] },
  { name: 'L2 durable', hasMemory: false, below: [tier('second', durable)] },
  { name: 'L1+L2 plain', hasMemory: true, below: [tier('second', plain)] },
  { name: 'L1+L2 shared', hasMemory: true, below: [tier('second', sharedOnly)] },
  { name: 'L2+L3 plain', hasMemory: false, below: [tier('second', plain), tier('third', plain)] },
  { name: 'L1+L2+L3', hasMemory: true, below: [tier('second', sharedOnly), tier('third', durable)] },
  { name: 'L1+L2+L3 plain', hasMemory: true, below: [tier('second', plain), tier('third', plain)] },
  {
    name: 'L1+L2+L3+L4',
    hasMemory: true,
    below: [tier('second', plain), tier('third', durable), tier('fourth', versioned)],
  },
]

/** The chains with at least one byte tier. */
export const stacksWithTiers: readonly Stack[] = stacks.filter(({ below }) => below.length > 0)

/** The chains where an entry can be promoted from one byte tier to another. */
export const deepStacks: readonly Stack[] = stacks.filter(({ below }) => below.length > 1)

export interface StackOptions {
  /** Options of the one namespace, `test`. */
  readonly namespace?: NamespaceOptions
  readonly manager?: Omit<CacheManagerOptions, 'tiers' | 'namespaces' | 'runtime'>
  /** @default unlimited */
  readonly memoryEntries?: number
  readonly runtime?: FakeRuntime
  /** Puts something around each byte tier. */
  readonly around?: (definition: TierDefinition) => TierDefinition
}

export interface OpenStack extends TestCache<string> {
  /** Names of the byte tiers, fastest first. */
  readonly below: readonly string[]
  /** Names of all tiers. */
  readonly names: readonly string[]
  /** The faults of a byte tier. */
  plan(name: string): FaultPlan
}

/** A manager over the chain with faulty byte tiers and fake time. Stop it after the test. */
export function openStack(stack: Stack, options: StackOptions = {}): OpenStack {
  const { around = (definition) => definition, memoryEntries } = options
  let builder: TestCacheBuilder<string> = testCache()
  if (stack.hasMemory) builder = builder.memory(memoryEntries === undefined ? {} : { maxEntries: memoryEntries })
  for (const { name, capabilities } of stack.below)
    builder = builder.faulty(name, around(mapTier({ name, capabilities })))
  const test = builder
    .options(options.manager ?? {})
    .namespace('test', options.namespace)
    .runtime(options.runtime ?? fakeRuntime())
    .build()
  const below = stack.below.map(({ name }) => name)
  const plan = (name: string): FaultPlan => {
    const found = test.faults[name]
    if (found === undefined) throw new Error(`The stack ${stack.name} has no tier ${name}`)
    return found
  }
  return { ...test, below, names: stack.hasMemory ? ['memory', ...below] : below, plan }
}

/** What each tier alone answers for a key. Reading one tier fills no other. */
export async function heldByTier(stack: OpenStack, key: string): Promise<Record<string, unknown>> {
  const held: Record<string, unknown> = {}
  for (const name of stack.names) held[name] = await stack.runtime.until(stack.cache.get(key, { tiers: [name] }))
  return held
}

/** Opens stacks, by name or described on the spot, and stops them after each test. */
export function stackOpener(): (stack: string | Stack, options?: StackOptions) => OpenStack {
  const opened: OpenStack[] = []
  afterEach(async () => {
    for (const stack of opened.splice(0)) await stack.stop()
  })
  return (stack, options) => {
    const found = typeof stack === 'string' ? stacks.find(({ name }) => name === stack) : stack
    if (found === undefined) throw new Error('There is no stack of this name')
    const opening = openStack(found, options)
    opened.push(opening)
    return opening
  }
}
