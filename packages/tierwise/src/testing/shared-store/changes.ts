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
  /** Why a set became a deletion. */
  readonly why: 'record' | 'fence' | 'held' | undefined
  /** Somebody waits for the load that the change has made useless. */
  readonly isAwaited: boolean
}

type Outcome = Done | { readonly refused: 'conflict' | 'late' }

/** All changes in one step, announced together for each lane. */
export function change(server: Server, changes: readonly SentChange[], source: string): ChangeAnswer[] {
  const outcomes = changes.map((one) => changeOne(server, one, source))
  const positions = announce(server, source, outcomes)
  for (const outcome of outcomes)
    if ('isAwaited' in outcome && outcome.isAwaited) server.publish({ kind: 'arrived', key: outcome.announced.key })
  return outcomes.map((outcome) => {
    if ('refused' in outcome) return outcome
    const { version, key } = outcome.announced
    const position = positions.get(server.laneOf(key))!
    const { why, wasHeld } = outcome
    return why === undefined ? { version, wasHeld, position } : { refused: why, version, position }
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
  const isAwaited = transient.lease !== undefined && transient.isAwaited
  const isRewrite = change.operation === 'set' && change.ifVersion !== undefined
  transient.changed = isRewrite ? server.changedAt(key) : version
  transient.lease = undefined
  transient.isAwaited = false
  guard(server, change, source)
  const why = refusalOf(server, change)
  const operation = store(server, change, { version, isRefused: why !== undefined })
  return { announced: { kind: 'key', operation, key, version }, wasHeld: held !== undefined, why, isAwaited }
}

/** Keeps what is to guard the key from now on. */
function guard(server: Server, { key, holdMs, fence }: SentChange, source: string): void {
  const { holds, fences } = server.memoryOf(key)
  if (holdMs !== undefined) {
    const others = [...(holds.get(key) ?? [])].filter(([holder, until]) => holder !== source && until > server.now())
    const own = Math.max(holds.get(key)?.get(source) ?? 0, server.now() + holdMs)
    holds.set(key, new Map(holdMs === 0 ? others : [...others, [source, own]]))
  }
  if (fence !== undefined) fences.set(key, Math.max(fences.get(key) ?? fence, fence))
}

function refusalOf(server: Server, change: SentChange): Done['why'] {
  if (change.operation !== 'set') return undefined
  const { key, sourceVersion, coldMs = 0, bytes } = change
  if (sourceVersion !== undefined && sourceVersion < (server.memoryOf(key).fences.get(key) ?? -Infinity)) return 'fence'
  if (server.heldUntil(key, coldMs) > server.now()) return 'held'
  return bytes.byteLength > server.settings.maxRecordBytes ? 'record' : undefined
}

/** The operation that was carried out: a record that is not taken leaves nothing behind. */
function store(
  server: Server,
  change: SentChange,
  { version, isRefused }: { readonly version: number; readonly isRefused: boolean },
): KeyChange['operation'] {
  const { held } = server.state
  const { key, operation } = change
  if (operation === 'set' && !isRefused) {
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
  return server.changedAt(key) >= version
}
