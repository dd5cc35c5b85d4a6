import { systemRuntime } from '../../../../src/base/runtime.ts'
import type { RedisPort } from '../../../../src/clients/redis/port.ts'
import type { BusChange, BusListener } from '../../../../src/contract/bus.ts'
import { RedisBus } from '../../../../src/tiers/redis/bus/redis-bus.ts'
import type { RedisBusOptions } from '../../../../src/tiers/redis/bus/options.ts'
import { singleLayout } from '../../../../src/tiers/redis/key-layout.ts'
import { until } from '../../../clients/redis/until.ts'

/** A bus and all that it has told. */
export class HeardBus implements BusListener {
  readonly bus: RedisBus
  readonly changes: [lane: number, change: BusChange][] = []
  readonly lostLanes: number[] = []
  readonly arrivedKeys: string[] = []
  readonly touchedKeys: string[] = []
  readonly repairs: BusChange[] = []
  readonly failures: unknown[] = []
  readonly confirmedAt: number[] = []

  constructor(port: RedisPort, options: Partial<RedisBusOptions> = {}) {
    this.bus = new RedisBus({
      port,
      layout: singleLayout,
      prefix: 'tw',
      instance: 'me',
      publish: 'PUBLISH',
      runtime: systemRuntime(),
      repair: (changes) => void this.repairs.push(...changes),
      onFailure: (reason) => void this.failures.push(reason),
      ...options,
    })
  }

  changed(lane: number, changes: readonly BusChange[]): void {
    for (const change of changes) this.changes.push([lane, change])
  }

  lost(lane: number): void {
    this.lostLanes.push(lane)
  }

  confirmed(lane: number, instant: number): void {
    this.confirmedAt[lane] = Math.max(this.confirmedAt[lane] ?? 0, instant)
  }

  arrived(key: string): void {
    this.arrivedKeys.push(key)
  }

  touched(keys: readonly string[]): void {
    this.touchedKeys.push(...keys)
  }

  get keys(): readonly string[] {
    return this.changes.map(([, change]) => (change.kind === 'key' ? change.key : change.names.join()))
  }

  /** Resolves once every lane has been confirmed for an instant after this call. */
  async proven(withinMs = 10_000): Promise<void> {
    const since = systemRuntime().clock.now()
    await until(
      () => Array.from({ length: this.bus.lanes }, (_, i) => this.confirmedAt[i] ?? 0).every((at) => at > since),
      withinMs,
    )
  }

  async started(resume?: string): Promise<this> {
    this.bus.start(this, resume)
    await this.proven()
    return this
  }
}
