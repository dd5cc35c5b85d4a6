import type { Authority } from '../contract/authority.ts'
import type { Bus } from '../contract/bus.ts'
import type { TierOperation } from '../contract/events.ts'
import type { Timer } from '../contract/runtime.ts'
import type { TagStore } from '../contract/tags.ts'
import type {
  Decode,
  NoteStore,
  RawStore,
  Tier,
  TierCapabilities,
  TierContext,
  TierDefinition,
  TierOpening,
  TierRecord,
  TierUsage,
  WriteOutcome,
} from '../contract/tier.ts'
import { ConfigError, TierError } from '../errors.ts'
import type { Corruption, Fault, FaultPlan } from './fault-plan.ts'
import type { SeededRandom } from './seeded-random.ts'

/**
 * A byte tier that fails, hangs, lies and dawdles as the plan says, and is the inner tier otherwise. Its authority and its
 * bus, if it has them, work as ever: break those of a `sharedStore` instead.
 *
 * Closing it rejects the calls that hang or wait, as a client does whose connection is closed.
 */
export function faultTier(inner: TierDefinition, faults: FaultPlan): TierDefinition {
  return {
    ...inner,
    create: (context) => {
      const tier = inner.create(context)
      if (!tier.sync) return new FaultyTier(tier, context, faults)
      throw new ConfigError(`The tier ${inner.name} answers in the same call, so it cannot fail like a remote one`, {
        code: 'ERR_CACHE_CONFIG',
        tier: inner.name,
      })
    },
  }
}

class FaultyTier implements Tier {
  readonly sync = false
  readonly capabilities: TierCapabilities
  readonly tags?: TagStore
  readonly notes?: NoteStore
  readonly raw?: RawStore
  readonly authority?: Authority
  readonly bus?: Bus
  readonly #inner: Tier
  readonly #context: TierContext
  readonly #plan: FaultPlan
  readonly #giveUp = new Set<() => void>()

  constructor(inner: Tier, context: TierContext, plan: FaultPlan) {
    this.#inner = inner
    this.#context = context
    this.#plan = plan
    this.capabilities = inner.capabilities
    if (inner.tags) this.tags = this.#tagStore(inner.tags)
    if (inner.notes) this.notes = this.#noteStore(inner.notes)
    if (inner.raw) this.raw = this.#rawStore(inner.raw)
    if (inner.authority) this.authority = inner.authority
    if (inner.bus) this.bus = inner.bus
  }

  get clockOffsetMs(): number | undefined {
    return this.#inner.clockOffsetMs
  }

  async open(): Promise<TierOpening> {
    return this.#pass('open', [], () => this.#inner.open())
  }

  async close(): Promise<void> {
    for (const reject of this.#giveUp) reject()
    return this.#pass('close', [], () => this.#inner.close())
  }

  async get<T>(keys: readonly string[], decode: Decode<T>): Promise<readonly (T | undefined)[]> {
    return this.#pass('get', keys, (faults) => {
      if (has(faults, 'drop')) return Promise.resolve(keys.map(() => undefined))
      return this.#inner.get(keys, damagedDecode(decode, faults, this.#plan.random))
    })
  }

  async set(records: readonly TierRecord[]): Promise<readonly WriteOutcome[]> {
    const keys = records.map((record) => record.key)
    return this.#pass('set', keys, async (faults) => {
      if (has(faults, 'drop')) return records.map(() => 'applied' as const)
      const damaged = damagedRecords(records, faults, this.#plan.random)
      const outcomes = await this.#inner.set(damaged)
      if (has(faults, 'duplicate')) await this.#inner.set(damaged)
      return outcomes
    })
  }

  async delete(keys: readonly string[], version: number): Promise<readonly boolean[]> {
    return this.#pass('delete', keys, async (faults) => {
      if (has(faults, 'drop')) return keys.map(() => true)
      const held = await this.#inner.delete(keys, version)
      if (has(faults, 'duplicate')) await this.#inner.delete(keys, version)
      return held
    })
  }

  async *scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T> {
    const faults = await this.#begin('scan', [prefix])
    if (has(faults, 'drop')) return
    yield* this.#inner.scan(prefix, damagedDecode(decode, faults, this.#plan.random))
    failAfterwards(faults)
  }

  async clear(prefix: string, version: number): Promise<void> {
    return this.#pass('clear', [prefix], async (faults) => {
      if (has(faults, 'drop')) return
      await this.#inner.clear(prefix, version)
      if (has(faults, 'duplicate')) await this.#inner.clear(prefix, version)
    })
  }

  async usage(): Promise<TierUsage> {
    return this.#pass('usage', [], () => this.#inner.usage())
  }

  #tagStore(inner: TagStore): TagStore {
    return {
      load: (after) => this.#pass('tags', [], () => inner.load(after)),
      invalidate: (tags, atLeast) => this.#pass('tags', tags, () => inner.invalidate(tags, atLeast)),
    }
  }

  #noteStore(inner: NoteStore): NoteStore {
    return {
      names: (prefix) => this.#pass('notes', [prefix], () => inner.names(prefix)),
      get: (name) => this.#pass('notes', [name], () => inner.get(name)),
      set: (name, bytes) => this.#pass('notes', [name], () => inner.set(name, bytes)),
    }
  }

  /** Plain keys fail, hang and wait like the others; nothing damages a plain value. */
  #rawStore(inner: RawStore): RawStore {
    const begin = (keys: readonly string[]): Promise<readonly Fault[]> => this.#begin('scan', keys)
    return {
      get: (keys) => this.#pass('get', keys, () => inner.get(keys)),
      set: (records) => {
        const keys = records.map(({ key }) => key)
        return this.#pass('set', keys, () => inner.set(records))
      },
      delete: (keys) => this.#pass('delete', keys, () => inner.delete(keys)),
      async *scan(prefix) {
        const faults = await begin([prefix])
        yield* inner.scan(prefix)
        failAfterwards(faults)
      },
    }
  }

  async #pass<T>(
    operation: TierOperation,
    keys: readonly string[],
    work: (faults: readonly Fault[]) => Promise<T>,
  ): Promise<T> {
    const faults = await this.#begin(operation, keys)
    const result = await work(faults)
    failAfterwards(faults)
    return result
  }

  /** Records the call, sits out delays and hangs, and fails if the plan says so before any work is done. */
  async #begin(operation: TierOperation, keys: readonly string[]): Promise<readonly Fault[]> {
    const faults = this.#plan.take(operation, keys)
    for (const fault of faults) {
      if (fault.kind === 'delay') await this.#wait(operation, (goOn) => this.#timer(fault.ms, goOn))
      if (fault.kind === 'hang') await this.#wait(operation, (goOn) => this.#plan.suspend(goOn))
      if (fault.kind === 'fail' && fault.when === 'before') throw fault.error
    }
    return faults
  }

  #timer(ms: number, goOn: () => void): () => void {
    const timer: Timer = this.#context.timers.after(ms, goOn)
    return () => timer.cancel()
  }

  async #wait(operation: TierOperation, start: (goOn: () => void) => () => void): Promise<void> {
    let giveUp = (): void => {}
    try {
      await new Promise<void>((resolve, reject) => {
        const stop = start(resolve)
        giveUp = () => {
          stop()
          reject(closedMeanwhile(this.#context.name, operation))
        }
        this.#giveUp.add(giveUp)
      })
    } finally {
      this.#giveUp.delete(giveUp)
    }
  }
}

function has(faults: readonly Fault[], kind: Fault['kind']): boolean {
  return faults.some((fault) => fault.kind === kind)
}

function failAfterwards(faults: readonly Fault[]): void {
  for (const fault of faults) if (fault.kind === 'fail' && fault.when === 'after') throw fault.error
}

function corruptionOf(faults: readonly Fault[]): Corruption | undefined {
  return faults.find((fault) => fault.kind === 'corrupt')?.how
}

function damagedDecode<T>(decode: Decode<T>, faults: readonly Fault[], random: SeededRandom): Decode<T> {
  const how = corruptionOf(faults)
  return how === undefined ? decode : (bytes, index, version) => decode(damage(bytes, how, random), index, version)
}

function damagedRecords(
  records: readonly TierRecord[],
  faults: readonly Fault[],
  random: SeededRandom,
): readonly TierRecord[] {
  const how = corruptionOf(faults)
  return how === undefined
    ? records
    : records.map((record) => ({ ...record, bytes: damage(record.bytes, how, random) }))
}

const foreignBytes = new TextEncoder().encode('{"written":"by another program"}')

function damage(bytes: Uint8Array, how: Corruption, random: SeededRandom): Uint8Array {
  if (how === 'foreign') return foreignBytes.slice()
  if (how === 'truncate') return bytes.slice(0, bytes.byteLength >> 1)
  const damaged = new Uint8Array(bytes)
  const at = random.int(damaged.byteLength)
  if (damaged.byteLength > 0) damaged[at] = (damaged[at] as number) ^ (1 << random.int(8))
  return damaged
}

function closedMeanwhile(tier: string, operation: TierOperation): TierError {
  return new TierError(`The tier ${tier} was closed during ${operation}`, {
    code: 'ERR_CACHE_TIER_CLOSED',
    operation,
    tier,
  })
}
