import { duration } from '../../base/option-reader.ts'
import type { Duration } from '../../contract/options.ts'
import type { Keys } from '../keys.ts'
import type { Steps } from '../steps.ts'
import type { Step } from '../store-guard.ts'

/** How members are added. */
export interface MemberOptions {
  /** After which a member is gone by itself. @default that of the set */
  readonly ttl?: Duration
}

/** Sets whose members end one by one. */
export interface MemberSet {
  /** Whether it is new; one that is there gets the new life. */
  add(id: string, member: string, options?: MemberOptions): Promise<boolean>
  /** One step for all of them. */
  addMany(id: string, members: readonly string[], options?: MemberOptions): Promise<readonly boolean[]>
  /** Whether it is there and has not ended. */
  has(id: string, member: string): Promise<boolean>
  /** One step for all of them. */
  hasMany(id: string, members: readonly string[]): Promise<readonly boolean[]>
  /** Whether it was there. */
  remove(id: string, member: string): Promise<boolean>
  /** One step for all of them. */
  removeMany(id: string, members: readonly string[]): Promise<readonly boolean[]>
  /** How many have not ended. */
  count(id: string): Promise<number>
  /** All that have not ended, in no order. */
  members(id: string): Promise<readonly string[]>
  /** Whether there were any. */
  clear(id: string): Promise<boolean>
}

export class StoredMemberSet implements MemberSet {
  readonly #keys: Keys
  readonly #steps: Steps
  readonly #ttlMs: number | undefined

  constructor(keys: Keys, steps: Steps, ttlMs: number | undefined) {
    this.#keys = keys
    this.#steps = steps
    this.#ttlMs = ttlMs
  }

  async add(id: string, member: string, options?: MemberOptions): Promise<boolean> {
    return (await this.addMany(id, [member], options))[0] === true
  }

  async addMany(id: string, members: readonly string[], { ttl }: MemberOptions = {}): Promise<readonly boolean[]> {
    const key = this.#keys.of(id, 'add')
    const ttlMs = ttl === undefined ? this.#ttlMs : duration(ttl, 'ttl')
    const lives = members.map((member) => (ttlMs === undefined ? { member } : { member, ttlMs }))
    return this.#each('add', members, { value: true, step: (store) => store.enter(key, lives) })
  }

  async has(id: string, member: string): Promise<boolean> {
    return (await this.hasMany(id, [member]))[0] === true
  }

  async hasMany(id: string, members: readonly string[]): Promise<readonly boolean[]> {
    const key = this.#keys.of(id, 'has')
    return this.#each('has', members, { value: false, step: (store) => store.contains(key, members) })
  }

  async remove(id: string, member: string): Promise<boolean> {
    return (await this.removeMany(id, [member]))[0] === true
  }

  async removeMany(id: string, members: readonly string[]): Promise<readonly boolean[]> {
    const key = this.#keys.of(id, 'remove')
    return this.#each('remove', members, { step: (store) => store.leave(key, members) })
  }

  async count(id: string): Promise<number> {
    const key = this.#keys.of(id, 'count')
    return this.#steps.take('count', (store) => store.size(key))
  }

  async members(id: string): Promise<readonly string[]> {
    const key = this.#keys.of(id, 'members')
    return this.#steps.take('members', (store) => store.members(key))
  }

  async clear(id: string): Promise<boolean> {
    const key = this.#keys.of(id, 'clear')
    return (await this.#steps.take('clear', (store) => store.remove(key))).removed
  }

  /** `value`: what `open` assumes of each. */
  async #each(
    operation: string,
    members: readonly string[],
    { value, step }: { readonly value?: boolean; readonly step: Step<readonly boolean[]> },
  ): Promise<readonly boolean[]> {
    if (members.length === 0) return []
    const assume = value === undefined ? undefined : () => members.map(() => value)
    return this.#steps.take(operation, step, assume)
  }
}
