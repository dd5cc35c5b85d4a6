import type {
  Authority,
  Change,
  ChangeAnswer,
  Fill,
  FillAnswer,
  LeaseAnswer,
  LeaseRequest,
} from '../../../src/contract/authority.ts'
import type { Bus, BusListener } from '../../../src/contract/bus.ts'
import type { Tier } from '../../../src/contract/tier.ts'
import { createEnvelope, loadValueCodec } from '../../../src/codecs/index.ts'
import { fakeRuntime, type FakeRuntime } from '../../../src/testing/fake-runtime.ts'
import {
  sharedStore,
  type SharedInstance,
  type SharedStore,
  type SharedStoreOptions,
} from '../../../src/testing/shared-store.ts'

/** One instance of a test: what it asks, and what its bus was told, as short texts. */
export interface Peer {
  readonly tier: Tier
  readonly authority: Authority
  readonly bus: Bus
  readonly link: SharedInstance
  readonly told: string[]
  readonly listener: BusListener
}

export interface Fleet {
  readonly runtime: FakeRuntime
  readonly store: SharedStore
  readonly peers: readonly [Peer, Peer, Peer]
  /** Starts the buses and lets them find out where the store is; then nothing was told. */
  listen(): Promise<void>
  stop(): Promise<void>
}

export const hourMs = 3_600_000

/** Three open instances on one store. */
export async function fleet(options: Partial<SharedStoreOptions> = {}): Promise<Fleet> {
  const runtime = fakeRuntime()
  const { clock, timers, random } = runtime
  const store = sharedStore({ clock, random, ...options })
  const open = async (): Promise<Peer> => {
    const context = { name: 'shared', prefix: 'tw', report: () => {}, clock, timers, random }
    const tier = store.tier().create(context) as Tier
    await tier.open()
    const told: string[] = []
    const listener = listenerTo(told, clock.now())
    return { tier, authority: tier.authority!, bus: tier.bus!, link: store.instances.at(-1)!, told, listener }
  }
  const peers = [await open(), await open(), await open()] as const
  return {
    runtime,
    store,
    peers,
    listen: async () => {
      for (const { bus, listener } of peers) bus.start(listener)
      await runtime.settle()
      for (const { told } of peers) told.length = 0
    },
    stop: async () => {
      await Promise.all(peers.map(({ tier }) => tier.close()))
    },
  }
}

function listenerTo(told: string[], start: number): BusListener {
  return {
    changed: (lane, changes) => {
      for (const change of changes)
        told.push(
          change.kind === 'key'
            ? `${change.operation} ${change.key} in ${lane}`
            : `tags ${change.names.join(' ')} in ${lane}`,
        )
    },
    lost: (lane) => void told.push(`lost ${lane}`),
    confirmed: (lane, instant) => void told.push(`confirmed ${lane} at ${instant - start}`),
    arrived: (key) => void told.push(`arrived ${key}`),
    touched: (keys) => void told.push(`touched ${keys.join(' ')}`),
  }
}

export async function acquire(peer: Peer, key: string, wish: Partial<LeaseRequest> = {}): Promise<LeaseAnswer> {
  return (await peer.authority.acquire([{ key, leaseMs: 10_000, ...wish }]))[0]!
}

/** The lease; fails when it is not granted. */
export async function granted(peer: Peer, key: string, wish?: Partial<LeaseRequest>): Promise<string> {
  const answer = await acquire(peer, key, wish)
  if (answer.kind !== 'granted') throw new Error(`The lease of ${key} is ${answer.kind}`)
  return answer.lease
}

export const someBytes: Uint8Array = Uint8Array.of(1, 2, 3)

export async function fill(peer: Peer, key: string, rest: Partial<Fill> & { lease: string }): Promise<FillAnswer> {
  return (await peer.authority.fill([{ key, bytes: someBytes, expiresAt: Infinity, ...rest }]))[0]!
}

let order = 0

export async function change(peer: Peer, key: string, rest: Partial<Change> = {}): Promise<ChangeAnswer> {
  const defaults = { key, operation: 'delete', order: ++order }
  const bytes = rest.operation === 'set' ? { bytes: someBytes, expiresAt: Infinity } : {}
  return (await peer.authority.change([{ ...defaults, ...bytes, ...rest } as Change]))[0]!
}

/** The version of an answer; fails when there is none. */
export function versionOf(answer: ChangeAnswer | FillAnswer): number {
  if (!('version' in answer)) throw new Error(`Refused: ${answer.refused}`)
  return answer.version
}

/** A frame that is fresh until an instant. */
export async function frame(key: string, freshUntil: number): Promise<Uint8Array> {
  const envelope = createEnvelope({ codec: await loadValueCodec('msgpack') })
  const head = {
    version: 0,
    createdAt: 0,
    freshUntil,
    usableUntil: Infinity,
    tags: [],
    tagClock: 0,
    loadMs: 0,
    sizeBytes: 0,
  }
  return envelope.frame(key, head, envelope.encodeValue('value'))
}
