import type { Buffer } from 'node:buffer'
import { withDeadline } from '../../base/deadline.ts'
import { RedisFailure } from '../../clients/redis/client-failure.ts'
import type { RedisPort, RedisPorts } from '../../clients/redis/port.ts'
import type { Timers } from '../../contract/runtime.ts'
import type { TierContext } from '../../contract/tier.ts'
import { Announcer, publishCommandOf, randomText } from './announcer.ts'
import { affirmOperation, type Operation, type Outcome } from './authority/operation.ts'
import { operationSender } from './authority/operation-sender.ts'
import { clusterLayout, singleLayout, type KeyLayout } from './key-layout.ts'
import { LostWrites, type LeastVersion } from './lost-writes.ts'
import { OrderedQueue } from './ordered-queue.ts'
import { isLive, kindOf, tombstoneBytes } from './record.ts'
import { ReadQueue, type ReadSource } from './read-queue.ts'
import type { RedisTierSettings } from './redis-tier.ts'
import { ReplicaReads } from './replica-reads.ts'
import { bytesOf } from './replies.ts'
import { ServerClock } from './server-clock.ts'
import { Store, type Write, type WriteReply } from './store.ts'

/** Everything that exists while the tier is open. */
export interface OpenParts {
  readonly ports: RedisPorts
  readonly store: Store
  readonly announcer: Announcer
  /** Finds live records, heads included. */
  readonly reads: ReadQueue<Buffer>
  readonly writes: OrderedQueue<Write, WriteReply>
  /** What the authority is asked. */
  readonly operations: OrderedQueue<Operation, Outcome>
  readonly clock: ServerClock
  readonly replica: ReplicaReads | undefined
  /** Of the changes whose versions this process gave. */
  readonly lost: LostWrites
  /** Of those whose versions the authority gave. */
  readonly lostChanges: LostWrites
  /** A text of its own for each connection that is made. */
  readonly connection: () => string
  readonly stopListening: () => void
}

/** Clocks of different hosts drift apart by some ten microseconds a second. */
const measureEveryMs = 60_000

/** How long a close waits for what was sent and has not been answered. */
const farewellMs = 1000

export interface Surroundings {
  readonly context: TierContext
  /** The instance in what it announces. */
  readonly source: string
}

/** Puts together what works on a connection that has been made. */
export async function openParts(
  ports: RedisPorts,
  settings: Omit<RedisTierSettings, 'ports'>,
  { context, source }: Surroundings,
): Promise<OpenParts> {
  const { primary } = ports
  const { prefix, clock } = context
  const layout = primary.topology === 'cluster' ? clusterLayout(prefix, settings.lanes) : singleLayout
  const store = new Store(primary, layout, clock)
  const replica = await replicaReads(store, ports, { context, maxLagMs: settings.maxReplicaLagMs })
  const serverClock = new ServerClock(primary, clock)
  await serverClock.measure()
  const announcer = new Announcer({ prefix, layout }, { publish: await publishCommandOf(primary), source })
  const lateMs = settings.tombstoneTtlMs
  const writes = new OrderedQueue<Write, WriteReply>((batch) => store.write(batch))
  const connection = nameConnections(primary)
  const sent = { port: primary, layout, announcer, lateMs, connection: connection.name }
  const operations = new OrderedQueue(operationSender(sent))
  const lost = new LostWrites({
    runtime: context,
    removeOlder: (keys) => writes.add(keys.map((each) => removalOfOlder(layout, each, lateMs))),
  })
  const lostChanges = new LostWrites({
    runtime: context,
    removeOlder: (keys) => operations.add(keys.map((each) => affirmationOf(layout, each))),
  })
  const reads = new ReadQueue({
    groupOf: (key) => layout.laneOf(key),
    ask: (keys, lane) =>
      (replica ?? store).read(keys, lane).catch((error: unknown) => {
        throw doubted({ lost, lostChanges }, error)
      }),
    accept: liveRecords(context, { lost, lostChanges }),
    now: () => clock.now(),
  })
  const measure = (): void => void serverClock.measure().catch(() => undefined)
  const measuring = context.timers.every(measureEveryMs, measure)
  const unlisten = primary.onConnect(() => {
    for (const changes of [lost, lostChanges]) changes.doubtNow()
    measure()
  })
  return {
    ports,
    store,
    announcer,
    reads,
    writes,
    operations,
    clock: serverClock,
    replica,
    lost,
    lostChanges,
    connection: connection.name,
    stopListening: () => {
      measuring.cancel()
      unlisten()
      connection.stop()
    },
  }
}

/** Gives each connection that is made a name of its own. */
function nameConnections(port: RedisPort): { readonly name: () => string; readonly stop: () => void } {
  let name = randomText()
  const stop = port.onConnect(() => (name = randomText()))
  return { name: () => name, stop }
}

export async function closeParts(parts: OpenParts, timers: Timers): Promise<void> {
  parts.stopListening()
  parts.lost.stop()
  parts.lostChanges.stop()
  parts.replica?.stop()
  const underWay = Promise.all([parts.reads.drain(), parts.writes.drain(), parts.operations.drain()])
  await withDeadline(underWay, farewellMs, { timers, error: () => new Error('late') }).catch(() => {})
  await closePorts(parts.ports)
}

export async function closePorts({ primary, replica }: RedisPorts): Promise<void> {
  await Promise.all([primary.close(), replica?.close()])
}

/** The error of a command; when it got no answer, what the store confirmed before is in doubt. */
export function doubted({ lost, lostChanges }: Pick<OpenParts, 'lost' | 'lostChanges'>, error: unknown): unknown {
  if (error instanceof RedisFailure && error.kind === 'connection') {
    lost.doubt()
    lostChanges.doubt()
  }
  return error
}

/** Finds the record in a reply. Called once for each key of a batch. */
function liveRecords(
  context: TierContext,
  { lost, lostChanges }: Pick<OpenParts, 'lost' | 'lostChanges'>,
): ReadSource<Buffer>['accept'] {
  return (reply, key, now) => {
    const bytes = bytesOf(reply)
    if (bytes === undefined) return undefined
    const kind = kindOf(bytes)
    if (kind === 'record') {
      const isBelieved = isLive(bytes, now) && lost.believes(key, bytes) && lostChanges.believes(key, bytes)
      return isBelieved ? bytes : undefined
    }
    if (kind !== 'tombstone') context.report({ type: 'bad-record', tier: context.name, key, reason: kind })
    return undefined
  }
}

async function replicaReads(
  store: Store,
  { primary, replica }: RedisPorts,
  { context, maxLagMs }: { readonly context: TierContext; readonly maxLagMs: number },
): Promise<ReplicaReads | undefined> {
  if (replica === undefined) return undefined
  const { clock, timers } = context
  const reads = new ReplicaReads(store, { primary, replica }, { clock, timers, maxLagMs })
  await reads.start()
  return reads
}

function removalOfOlder({ laneOf }: KeyLayout, [key, version]: LeastVersion, lifeMs: number): Write {
  return { key, group: laneOf(key), limit: version - 1, lifeMs, bytes: tombstoneBytes(version - 1) }
}

/** Deletes the key again when the server has forgotten the change. */
function affirmationOf({ laneOf }: KeyLayout, [key, version]: LeastVersion): Operation {
  return affirmOperation({ key, group: laneOf(key) }, version)
}
