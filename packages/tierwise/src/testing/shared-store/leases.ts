import type { Fill, FillAnswer, HeldLease, LeaseAnswer, LeaseRequest } from '../../contract/authority.ts'
import { isFreshFrame } from './frame.ts'
import type { Server } from './server.ts'
import type { Transient } from './state.ts'

/** A fill whose life no longer depends on the clock of the process that sent it. */
export type SentFill = Omit<Fill, 'expiresAt'> & { readonly lifeMs: number }

export function acquire(server: Server, request: LeaseRequest): LeaseAnswer {
  const { key, leaseMs, newerThan = -Infinity, isForced = false } = request
  const now = server.now()
  const record = server.live(key)
  if (record !== undefined && record.version > newerThan && isFreshFrame(record.bytes, now)) return { kind: 'fresh' }
  const transient = server.transientOf(key)
  if (transient.holdUntil > now) return { kind: 'held', leftMs: transient.holdUntil - now }
  if (!isForced && transient.lease !== undefined && transient.leaseUntil > now) {
    transient.isAwaited = true
    return { kind: 'busy', leftMs: transient.leaseUntil - now }
  }
  const lease = server.nextId('lease')
  transient.lease = lease
  transient.leaseUntil = now + leaseMs
  // Noted here, so that it is known for as long as the lease is, even if the record goes.
  transient.version = server.knownVersion(key)
  return { kind: 'granted', lease }
}

export function fill(server: Server, { key, lease, bytes, lifeMs, sourceVersion, copyOf }: SentFill): FillAnswer {
  const transient = server.transientOf(key)
  if (transient.lease !== lease) return { refused: 'lease' }
  endLease(server, key, transient)
  const { fence } = transient
  if (fence !== undefined && (sourceVersion === undefined || sourceVersion < fence)) return { refused: 'fence' }
  if (copyOf !== undefined && server.knownVersion(key) > copyOf) return { refused: 'copy' }
  if (bytes.byteLength > server.settings.maxRecordBytes) return { refused: 'record' }
  const version = server.nextVersion(key)
  server.state.held.set(key, { bytes: new Uint8Array(bytes), expiresAt: server.now() + lifeMs, version })
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
