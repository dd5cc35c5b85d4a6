import type { RedisServer } from './redis-server.ts'

/** A slot on its way from one node to another. */
export interface SlotMigration {
  readonly slot: number
  readonly from: RedisServer
  readonly to: RedisServer
  /** Keys of the slot that are still at the old owner. */
  keys(): Promise<readonly string[]>
  /** Moves some of them. */
  moveKeys(keys: readonly string[]): Promise<void>
}

export interface SlotMoveRoute {
  readonly from: RedisServer
  readonly fromId: string
  readonly to: RedisServer
  readonly toId: string
  /** Other owners of slots, which are told at the end. */
  readonly others: readonly RedisServer[]
}

const keysAtOnce = 1000
const moveTimeoutMs = '10000'

/** Moves a slot in the steps that `redis-cli --cluster reshard` takes. */
export class SlotMove implements SlotMigration {
  readonly slot: number
  readonly from: RedisServer
  readonly to: RedisServer
  readonly #route: SlotMoveRoute

  constructor(slot: number, route: SlotMoveRoute) {
    this.slot = slot
    this.from = route.from
    this.to = route.to
    this.#route = route
  }

  async run(during: ((migration: SlotMigration) => Promise<void>) | undefined): Promise<void> {
    const { fromId, toId, others } = this.#route
    // The new owner learns of it first, otherwise the old one would send clients to a node that turns them away.
    await this.#setSlot(this.to, 'IMPORTING', fromId)
    await this.#setSlot(this.from, 'MIGRATING', toId)
    await during?.(this)
    for (let keys = await this.keys(); keys.length > 0; keys = await this.keys()) await this.moveKeys(keys)
    for (const node of [this.to, this.from, ...others]) await this.#setSlot(node, 'NODE', toId)
  }

  async keys(): Promise<readonly string[]> {
    const lines = await this.from.command('CLUSTER', 'GETKEYSINSLOT', String(this.slot), String(keysAtOnce))
    return lines.split('\n').filter((line) => line !== '')
  }

  async moveKeys(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return
    const { host, port, password } = this.to
    const secret = password === undefined ? [] : ['AUTH', password]
    await this.from.command('MIGRATE', host, String(port), '', '0', moveTimeoutMs, ...secret, 'KEYS', ...keys)
  }

  async #setSlot(node: RedisServer, state: 'IMPORTING' | 'MIGRATING' | 'NODE', id: string): Promise<void> {
    await node.command('CLUSTER', 'SETSLOT', String(this.slot), state, id)
  }
}
