import type { ChangeAnswer, Removal, Replacement } from '../../contract/authority.ts'
import type { BusPosition, KeyChange } from '../../contract/bus.ts'
import { softlyExpired } from './frame.ts'
import type { Server } from './server.ts'

/** A change whose life no longer depends on the clock of the process that sent it. */
export type SentChange = Removal | (Omit<Replacement, 'expiresAt'> & { readonly lifeMs: number })

/** What a change has done. */
interface Done {
  readonly announced: KeyChange
  readonly wasHeld: boolean
  readonly isRefused: boolean
}

type Outcome = Done | { readonly refused: 'conflict' | 'late' }

/** All changes in one step, announced together for each lane. */
export function change(server: Server, changes: readonly SentChange[], source: string): ChangeAnswer[] {
  const outcomes = changes.map((one) => changeOne(server, one, source))
  const positions = announce(server, source, outcomes)
  return outcomes.map((outcome) => {
    if ('refused' in outcome) return outcome
    const { version, key } = outcome.announced
    const position = positions.get(server.laneOf(key))!
    return outcome.isRefused
      ? { refused: 'record', version, position }
      : { version, wasHeld: outcome.wasHeld, position }
  })
}

function announce(server: Server, source: string, outcomes: readonly Outcome[]): Map<number, BusPosition> {
  const byLane = new Map<number, KeyChange[]>()
  for (const outcome of outcomes) {
    if (!('announced' in outcome)) continue
    const lane = server.laneOf(outcome.announced.key)
    byLane.set(lane, [...(byLane.get(lane) ?? []), outcome.announced])
  }
  return new Map([...byLane].map(([lane, changes]) => [lane, server.emit(lane, source, changes)]))
}

function changeOne(server: Server, change: SentChange, source: string): Outcome {
  const { key, order } = change
  const transient = server.transientOf(key)
  if (order < (transient.orders.get(source) ?? -Infinity)) return { refused: 'late' }
  if (change.isDoubtful === true) transient.orders.set(source, order)
  const held = server.live(key)
  if (change.operation === 'set' && change.ifVersion !== undefined && change.ifVersion !== held?.version)
    return { refused: 'conflict' }
  const version = server.nextVersion(key)
  noteChange(server, change, version)
  const operation = store(server, change, version)
  return {
    announced: { kind: 'key', operation, key, version },
    wasHeld: held !== undefined,
    isRefused: operation !== change.operation,
  }
}

/** Takes the lease away, and keeps what is to guard the key from now on. */
function noteChange(server: Server, { key, holdMs, fence }: SentChange, version: number): void {
  const transient = server.transientOf(key)
  transient.version = version
  transient.changed = version
  transient.lease = undefined
  // Those who wait hear of the change itself.
  transient.isAwaited = false
  if (holdMs === 0) transient.holdUntil = 0
  else if (holdMs !== undefined) transient.holdUntil = Math.max(transient.holdUntil, server.now() + holdMs)
  if (fence !== undefined) transient.fence = Math.max(transient.fence ?? fence, fence)
}

/** The operation that was carried out: a record that is not taken leaves nothing behind. */
function store(server: Server, change: SentChange, version: number): KeyChange['operation'] {
  const { held } = server.state
  const { key, operation } = change
  if (operation === 'set' && change.bytes.byteLength <= server.settings.maxRecordBytes) {
    held.set(key, { bytes: new Uint8Array(change.bytes), expiresAt: server.now() + change.lifeMs, version })
    return operation
  }
  const record = operation === 'expire' ? server.live(key) : undefined
  if (record === undefined) held.set(key, { bytes: undefined, expiresAt: Infinity, version })
  else held.set(key, { bytes: softlyExpired(record.bytes), expiresAt: record.expiresAt, version })
  return operation === 'set' ? 'delete' : operation
}

/** Deletes again what the store has forgotten the change of. */
export function affirm(server: Server, changes: readonly Pick<KeyChange, 'key' | 'version'>[], source: string): void {
  const forgotten = changes.filter(({ key, version }) => !remembers(server, key, version))
  const removals = forgotten.map(({ key }): SentChange => ({ key, operation: 'delete', order: Infinity }))
  change(server, removals, source)
}

/** A newer record alone does not count: it may be the very copy that the change was to keep out. */
function remembers(server: Server, key: string, version: number): boolean {
  const held = server.state.held.get(key)
  if ((server.state.transient.get(key)?.changed ?? 0) >= version) return true
  return held !== undefined && (held.bytes === undefined ? held.version >= version : held.version === version)
}
