import type { Fill, FillAnswer, HeldLease, LeaseAnswer, LeaseRequest } from '../../contract/authority.ts'
import { isFreshFrame } from './frame.ts'
import type { Server } from './server.ts'
import type { Transient } from './state.ts'

/** A fill whose life no longer depends on the clock of the process that sent it. */
export type SentFill = Omit<Fill, 'expiresAt'> & { readonly lifeMs: number }

/** `instance` asks, over the connection of that name, and fills with no lease from before it. */
export function acquire(
  server: Server,
  request: LeaseRequest,
  { instance, connection }: { readonly instance: string; readonly connection: string },
): LeaseAnswer {
  const { key, leaseMs, coldMs = 0 } = request
  const now = server.now()
  if (holdsFresh(server, request)) return { kind: 'fresh' }
  const memory = server.memoryOf(key)
  const told = memory.fences.has(key) ? { fence: memory.fences.get(key) } : {}
  const heldUntil = server.heldUntil(key, coldMs)
  if (heldUntil > now) return { kind: 'held', leftMs: heldUntil - now, ...told }
  const transient = server.transientOf(key)
  if (!mayReplace(request, transient, instance) && leaseIn(server, key) !== undefined && transient.leaseUntil > now) {
    transient.isAwaited = true
    return { kind: 'busy', leftMs: transient.leaseUntil - now }
  }
  const lease = `${server.nextId('lease')}${connection}`
  transient.lease = lease
  transient.leaseOf = instance
  transient.leaseUntil = now + leaseMs
  transient.leaseLife = memory.life
  return { kind: 'granted', lease, ...told }
}

function holdsFresh(server: Server, { key, newerThan = -Infinity }: LeaseRequest): boolean {
  const record = server.live(key)
  return record !== undefined && record.version > newerThan && isFreshFrame(record.bytes, server.now())
}

function mayReplace({ isForced, replacesOwn }: LeaseRequest, { leaseOf }: Transient, instance: string): boolean {
  return isForced === true || (replacesOwn === true && leaseOf === instance)
}

/** A lane that has lost its memory may have lost a hold or a fence since the lease was granted. */
function leaseIn(server: Server, key: string): string | undefined {
  const { lease, leaseLife } = server.transientOf(key)
  return leaseLife === server.memoryOf(key).life ? lease : undefined
}

export function fill(server: Server, { key, lease, bytes, lifeMs, sourceVersion, copyOf }: SentFill): FillAnswer {
  const transient = server.transientOf(key)
  if (leaseIn(server, key) !== lease) return { refused: 'lease' }
  endLease(server, key, transient)
  const fence = server.memoryOf(key).fences.get(key)
  if (fence !== undefined && (sourceVersion === undefined || sourceVersion < fence)) return { refused: 'fence' }
  if (copyOf !== undefined && server.changedAt(key) > copyOf) return { refused: 'copy' }
  if (bytes.byteLength > server.settings.maxRecordBytes) return { refused: 'record' }
  transient.changed = server.changedAt(key)
  const version = server.nextVersion(key)
  const expiresAt = server.now() + lifeMs
  server.state.held.set(key, { bytes: new Uint8Array(bytes), expiresAt, version, isLoaded: true })
  return { version }
}

export function release(server: Server, { key, lease }: HeldLease): void {
  const transient = server.transientOf(key)
  if (transient.lease === lease) endLease(server, key, transient)
}

/** Whoever waits for the key looks again, whatever became of the load. */
function endLease(server: Server, key: string, transient: Transient): void {
  transient.lease = undefined
  if (transient.isAwaited) server.publish({ kind: 'arrived', key })
  transient.isAwaited = false
}
