import { randomUUID } from 'node:crypto'
import type {
  Authority,
  Change,
  ChangeAnswer,
  Fill,
  FillAnswer,
  HeldLease,
  LeaseAnswer,
  LeaseRequest,
} from '../../../contract/authority.ts'
import type { Clock } from '../../../contract/runtime.ts'
import type { OrderedQueue } from '../ordered-queue.ts'
import {
  acquireOperation,
  affirmOperation,
  changeAnswerOf,
  changeOperation,
  fillAnswerOf,
  fillOperation,
  leaseAnswerOf,
  releaseOperation,
  type Operation,
  type Outcome,
  type Target,
} from './operation.ts'

/** What an authority works with while its tier is open. */
export interface AuthorityLink {
  readonly queue: OrderedQueue<Operation, Outcome>
  readonly laneOf: (key: string) => number
  /** Told of each version that a key was given. */
  readonly noteVersion: (key: string, version: number) => void
  /** Told of confirmed changes. What a load brings is no change: an older record in its place is not wrong. */
  readonly noteChange: (key: string, version: number) => void
  /** A text of its own for each connection that is made. */
  readonly connection: () => string
  /** Told of each rejection. */
  readonly failed: (error: unknown, keys: readonly string[]) => void
}

/**
 * The authority in Redis. Whatever is asked of one lane in one tick travels in one script, each operation of which is a
 * step that nothing interrupts; all changes in it are announced with one message.
 */
export class RedisAuthority implements Authority {
  readonly #link: () => AuthorityLink
  readonly #clock: Clock

  /** `link` throws when the tier is not open. */
  constructor(link: () => AuthorityLink, clock: Clock) {
    this.#link = link
    this.#clock = clock
  }

  async acquire(requests: readonly LeaseRequest[]): Promise<readonly LeaseAnswer[]> {
    const leases = requests.map(() => randomUUID())
    const leaseAt = (index: number): string => leases[index] ?? ''
    const outcomes = await ask(this.#link(), requests, (target, request, index) =>
      acquireOperation(target, request, leaseAt(index)),
    )
    return outcomes.map((outcome, index) => leaseAnswerOf(outcome, leaseAt(index)))
  }

  async fill(fills: readonly Fill[]): Promise<readonly FillAnswer[]> {
    const link = this.#link()
    const now = this.#clock.now()
    const connection = link.connection()
    // protocol P1 lease-connection: a server that took over may have lost the change that ended the lease, and not the lease
    const usable = fills.filter(({ lease }) => lease.startsWith(`${connection}.`))
    if (usable.length < fills.length) this.#giveBack(fills.filter((fill) => !usable.includes(fill)))
    const outcomes = await ask(link, usable, (target, fill) => fillOperation(target, fill, now))
    const answers = outcomes.map(fillAnswerOf)
    forVersions(usable, answers, link.noteVersion)
    // protocol P1 fill-connection: the fill itself may have been what connected to the server that took over
    if (outcomes.some((outcome) => outcome.connection !== connection)) return this.#takeBack(fills, usable, answers)
    if (usable.length === fills.length) return answers
    return fills.map((fill) => answers[usable.indexOf(fill)] ?? { refused: 'lease' })
  }

  /** Others would wait until they run out; whether the store hears of it is told to `failed`. */
  #giveBack(leases: readonly HeldLease[]): void {
    this.release(leases).catch(() => undefined)
  }

  async #takeBack(
    fills: readonly Fill[],
    sent: readonly Fill[],
    answers: readonly FillAnswer[],
  ): Promise<FillAnswer[]> {
    const stored = sent.flatMap(({ key }, at) => {
      const answer = answers[at]
      return answer !== undefined && 'version' in answer ? [{ key, version: answer.version + 1 }] : []
    })
    // Noted too: what cannot be taken back now is not believed, and taken back later.
    for (const { key, version } of stored) this.#link().noteChange(key, version)
    await this.affirm(stored)
    return fills.map(() => ({ refused: 'lease' }))
  }

  async release(leases: readonly HeldLease[]): Promise<void> {
    await ask(this.#link(), leases, releaseOperation)
  }

  async change(changes: readonly Change[]): Promise<readonly ChangeAnswer[]> {
    const link = this.#link()
    const now = this.#clock.now()
    const outcomes = await ask(link, changes, (target, change) => changeOperation(target, change, now))
    const answers = outcomes.map(changeAnswerOf)
    forVersions(changes, answers, link.noteVersion)
    // protocol P2 change-noted: a server that fails over may lose it
    forVersions(changes, answers, (key, version, change) => {
      if (!isRewrite(change)) link.noteChange(key, version)
    })
    return answers
  }

  async affirm(changes: readonly { readonly key: string; readonly version: number }[]): Promise<void> {
    await ask(this.#link(), changes, (target, { version }) => affirmOperation(target, version))
  }
}

async function ask<T extends { readonly key: string }>(
  { queue, laneOf, failed }: AuthorityLink,
  items: readonly T[],
  operationOf: (target: Target, item: T, index: number) => Operation,
): Promise<readonly Outcome[]> {
  try {
    return await queue.add(
      items.map((item, index) => operationOf({ key: item.key, group: laneOf(item.key) }, item, index)),
    )
  } catch (error) {
    failed(
      error,
      items.map(({ key }) => key),
    )
    throw error
  }
}

/** Calls `note` for each item that got a version. */
function forVersions<T extends { readonly key: string }>(
  items: readonly T[],
  answers: readonly (FillAnswer | ChangeAnswer)[],
  note: (key: string, version: number, item: T) => void,
): void {
  for (const [index, item] of items.entries()) {
    const answer = answers[index]
    if (answer !== undefined && 'version' in answer) note(item.key, answer.version, item)
  }
}

/** Gives the value that is there another life. */
function isRewrite(change: Change): boolean {
  return change.operation === 'set' && change.ifVersion !== undefined
}
