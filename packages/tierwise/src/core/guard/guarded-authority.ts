import type {
  Authority,
  Change,
  ChangeAnswer,
  Fill,
  FillAnswer,
  HeldLease,
  LeaseAnswer,
  LeaseRequest,
} from '../../contract/authority.ts'
import type { Intents } from '../journal/intents.ts'
import type { TierGuard } from './tier-guard.ts'

export interface GuardedAuthorityParts {
  readonly guard: TierGuard
  readonly intents: Intents
}

/**
 * An authority that cannot hurt: nothing rejects or takes longer than its deadline, and a change that it could not take
 * is kept as an intent. Until that is delivered the store is neither read nor filled for the key.
 */
export class GuardedAuthority {
  readonly #authority: Authority
  readonly #guard: TierGuard
  readonly #intents: Intents

  constructor(authority: Authority, { guard, intents }: GuardedAuthorityParts) {
    this.#authority = authority
    this.#guard = guard
    this.#intents = intents
  }

  /** One answer a request; undefined for all of them when the store did not answer, or is not to be asked about one. */
  acquire(requests: readonly LeaseRequest[]): Promise<readonly LeaseAnswer[] | undefined> {
    if (this.#guard.refuses('lease') || requests.some(({ key }) => this.#isOwed(key))) return Promise.resolve(undefined)
    let asked: Promise<readonly LeaseAnswer[]> | undefined
    const ask = (): Promise<readonly LeaseAnswer[]> => (asked = this.#authority.acquire(requests))
    return this.#guard.run('lease', ask).then((answers) => {
      if (answers === undefined) this.#giveBackLate(requests, asked)
      return answers
    })
  }

  /** A lease that is granted when nobody waits for it any more: others would wait for a load that nobody makes. */
  #giveBackLate(requests: readonly LeaseRequest[], asked: Promise<readonly LeaseAnswer[]> | undefined): void {
    const giveBack = async (answers: readonly LeaseAnswer[]): Promise<void> => {
      const granted = requests.flatMap(({ key }, at) => {
        const answer = answers[at]
        return answer?.kind === 'granted' ? [{ key, lease: answer.lease }] : []
      })
      if (granted.length > 0) await this.release(granted)
    }
    // The guard has told of the failure, if it is one.
    asked?.then(giveBack).catch(() => undefined)
  }

  /**
   * Undefined when it is not known what became of them. What the store was not told to invalidate it would take, although
   * it was loaded before.
   */
  async fill(fills: readonly Fill[]): Promise<readonly FillAnswer[] | undefined> {
    if (this.#guard.refuses('set')) return undefined
    const sent = this.#intents.isIdle ? fills : fills.filter(({ key }) => !this.#isOwed(key))
    const answers = sent.length === 0 ? [] : await this.#guard.run('set', () => this.#authority.fill(sent))
    if (answers === undefined || sent === fills) return answers
    return fills.map((fill) => answers[sent.indexOf(fill)] ?? { refused: 'lease' })
  }

  /** Resolves when the next one can be let in, or not: then the leases run out. */
  async release(leases: readonly HeldLease[]): Promise<void> {
    if (this.#guard.refuses('lease')) return
    await this.#guard.run('lease', () => this.#authority.release(leases))
  }

  /** Answers in order; undefined when it is not known what became of them, and they are owed now. */
  async change(
    changes: readonly Change[],
    prefix: string,
    isPatient = false,
  ): Promise<readonly ChangeAnswer[] | undefined> {
    const operation = changes.some((change) => change.operation === 'set') ? 'set' : 'delete'
    // protocol P1 owed-order: the change that was given up may still arrive, after this one
    const marked = changes.map((change) => (this.#isOwed(change.key) ? { ...change, isDoubtful: true } : change))
    const owed = changes.map(({ key }) => this.#intents.owedOf(key))
    const answers = this.#guard.refuses(operation)
      ? undefined
      : await this.#guard.run(operation, () => this.#authority.change(marked), isPatient)
    for (const [at, { key }] of changes.entries()) {
      const answer = answers?.[at]
      // protocol P1 owed-kept: what the store still holds must not come back with it
      if (answer === undefined) this.#intents.keep(key, prefix, Infinity)
      else if ('version' in answer) this.#intents.settleThat(owed[at])
    }
    // protocol P1 owed-saved: the process may end before the store is back
    if (answers === undefined) await this.#intents.saved()
    return answers
  }

  /** Delivers what is owed; true when the store has taken it. */
  async removeOwed(keys: readonly string[], nextVersion: () => number): Promise<boolean> {
    // protocol P1 replay-order: the change that was given up may arrive after this one
    const changes = keys.map((key): Change => ({ operation: 'delete', key, order: nextVersion(), isDoubtful: true }))
    return (await this.#guard.run('delete', () => this.#authority.change(changes), true)) !== undefined
  }

  /** Whether it could be made sure of. */
  async affirm(changes: readonly { readonly key: string; readonly version: number }[]): Promise<boolean> {
    if (this.#guard.refuses('delete')) return false
    const done = await this.#guard.run('delete', () => this.#authority.affirm(changes).then(() => true))
    return done === true
  }

  #isOwed(key: string): boolean {
    return !this.#intents.isIdle && this.#intents.covers(key, 0)
  }
}
