import { join } from 'node:path'
import { onTestFinished } from 'vitest'

import type { Cache, CacheManager } from '../../../src/contract/cache.ts'
import type { CacheManagerOptions } from '../../../src/contract/options.ts'
import type { TierDefinition } from '../../../src/contract/tier.ts'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { fakeRuntime, type FakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { faultPlan, type FaultPlan } from '../../../src/testing/fault-plan.ts'
import { faultTier } from '../../../src/testing/fault-tier.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { sharedStore, type SharedInstance, type SharedStore } from '../../../src/testing/shared-store.ts'
import { disk } from '../../../src/tiers/disk/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { scratchFolder } from '../../tiers/disk/scratch-folder.ts'

const root = scratchFolder()
let folders = 0

/** One process on the host. Its time stands still once it has crashed. */
export interface Life {
  readonly manager: CacheManager
  readonly cache: Cache<unknown>
  readonly instance: SharedInstance
  readonly runtime: FakeRuntime
  /** Faults of its disk. */
  readonly faults: FaultPlan
  isAlive: boolean
}

export interface LifeOptions extends Partial<Omit<CacheManagerOptions, 'tiers' | 'runtime'>> {
  /** Whether it has a disk at all. @default true */
  readonly hasDisk?: boolean
  readonly faults?: FaultPlan
  readonly folder?: string
}

/**
 * Processes that share a store in memory and a folder on a real disk. Time is that of the test, but the disk takes what it
 * needs: time stands still while it works.
 */
export class Host {
  readonly folder: string
  readonly store: SharedStore
  readonly #world = fakeRuntime()
  readonly #lives: Life[] = []
  readonly #atWork = new Set<Promise<unknown>>()

  constructor(options: { readonly lanes?: number; readonly logLength?: number } = {}) {
    this.folder = join(root, String(folders++))
    this.store = sharedStore({ clock: this.#world.clock, random: seededRandom(1), ...options })
  }

  /** A process that has not been started. */
  create({ hasDisk = true, faults = faultPlan(), folder = this.folder, ...options }: LifeOptions = {}): Life {
    const runtime = fakeRuntime({ now: this.#world.clock.now() })
    const below: TierDefinition[] = hasDisk ? [faultTier(this.#watched(disk({ path: folder })), faults)] : []
    const manager = createCacheManager({ tiers: [memory(), this.store.tier(), ...below], runtime, ...options })
    const life: Life = {
      manager,
      cache: manager.namespace('factors'),
      instance: this.store.instances.at(-1)!,
      runtime,
      faults,
      isAlive: true,
    }
    this.#lives.push(life)
    onTestFinished(async () => {
      life.isAlive = true
      faults.clear()
      faults.release()
      await this.during(manager.stop())
    })
    return life
  }

  /** A process that has been started and has proved what it knows. */
  async start(options?: LifeOptions): Promise<Life> {
    const life = this.create(options)
    await this.during(life.manager.start())
    await this.pass(100)
    return life
  }

  /** Nothing more is done or heard by the process, and nothing is put in order. */
  crash(life: Life): void {
    life.isAlive = false
    life.faults.hang('*')
    life.instance.cut()
  }

  async pass(ms: number): Promise<void> {
    const stepMs = 25
    for (let left = ms; left > 0; left -= stepMs) {
      await this.#rest()
      const step = Math.min(stepMs, left)
      await this.#world.advance(step)
      for (const { runtime, isAlive } of this.#lives) if (isAlive) await runtime.advance(step)
    }
    await this.#rest()
  }

  /** The result of the work, while time passes. */
  async during<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const end = (): void => void (isDone = true)
    work.then(end, end)
    await this.#rest()
    while (!isDone) await this.pass(5)
    return work
  }

  /** Until the disk has nothing to do, and what waited for it has gone on. */
  async #rest(): Promise<void> {
    do {
      await Promise.allSettled(this.#atWork)
      await this.#world.settle()
    } while (this.#atWork.size > 0)
  }

  /** The tier, whose work is known to be under way. */
  #watched(definition: TierDefinition): TierDefinition {
    const watch = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (_, name) => {
          const member: unknown = Reflect.get(target, name, target)
          if (name === 'tags' || name === 'notes') return watch(member as object)
          return typeof member === 'function'
            ? (...args: unknown[]) => this.#follow(member.apply(target, args))
            : member
        },
      })
    return { ...definition, create: (context) => watch(definition.create(context)) }
  }

  #follow(result: unknown): unknown {
    if (!(result instanceof Promise)) return result
    const work: Promise<unknown> = result
    this.#atWork.add(work)
    const end = (): void => void this.#atWork.delete(work)
    work.then(end, end)
    return work
  }

  /** What a fresh look at the notes of the folder finds. */
  async notes(start: string): Promise<readonly string[]> {
    const { clock, timers, random } = fakeRuntime()
    const tier = disk({ path: this.folder }).create({
      name: 'disk',
      prefix: 'tw',
      report: () => {},
      clock,
      timers,
      random,
    })
    if (tier.sync) throw new Error('a byte tier was expected')
    await tier.open()
    const names = await tier.notes!.names(start)
    await tier.close()
    return names
  }
}
