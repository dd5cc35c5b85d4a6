import type { Coordination, Register } from 'tierwise/coordination'
import { deduplication } from 'tierwise/recipes'
import type { Deduplication } from 'tierwise/recipes'

/** What a partner orders. */
export interface OrderRequest {
  readonly number: string
  readonly amount: number
}

/** An order that was placed. */
export interface Order extends OrderRequest {
  /** What the warehouse said. */
  readonly confirmation: string
}

/** Has an order delivered, each time that it is called. */
export type Warehouse = (request: OrderRequest) => Promise<string>

/** `conflict`: the number stands for another order already. */
export type Placed =
  | { readonly kind: 'placed' | 'repeated'; readonly order: Order }
  | { readonly kind: 'busy' }
  | { readonly kind: 'conflict' }

/** An order and what was paid for it, by delivery, so that paying it twice by one delivery changes nothing. */
interface Account {
  readonly order: Order
  readonly payments: Readonly<Record<string, number>>
}

/** Orders of partners, each placed once. A real service has them in a database; here they lie beside the guards. */
export class OrderBook {
  readonly #once: Deduplication
  readonly #accounts: Register<Account>
  readonly #warehouse: Warehouse

  constructor(coordination: Coordination, warehouse: Warehouse) {
    this.#once = deduplication(coordination, { name: 'orders', entity: 'order' })
    this.#accounts = coordination.register<Account>('orders')
    this.#warehouse = warehouse
  }

  /**
   * However often it is sent, and to however many processes at once, it is placed once, and all get the same order.
   *
   * @throws TierError ERR_CACHE_UNAVAILABLE
   */
  async place(partner: string, request: OrderRequest): Promise<Placed> {
    const id = idOf(partner, request.number)
    const outcome = await this.#once.processOnce(id, () => this.#order(id, request))
    if (outcome.kind === 'busy') return { kind: 'busy' }
    // What was done is remembered as done, not with what came of it.
    const order = outcome.kind === 'processed' ? outcome.result : (await this.#accounts.get(id))?.order
    if (order?.amount !== request.amount) return { kind: 'conflict' }
    return { kind: outcome.kind === 'processed' ? 'placed' : 'repeated', order }
  }

  /** What is paid of an order then; undefined when there is none. @throws TierError ERR_CACHE_UNAVAILABLE */
  async pay(partner: string, number: string, payment: Payment): Promise<number | undefined> {
    const account = await this.#accounts.update(
      idOf(partner, number),
      (held) => held && { ...held, payments: { ...held.payments, [payment.delivery]: payment.amount } },
    )
    return account && Object.values(account.payments).reduce((one, other) => one + other, 0)
  }

  /** Not again by who follows a process that died between its work and its commit. */
  async #order(id: string, request: OrderRequest): Promise<Order> {
    const held = await this.#accounts.get(id)
    if (held !== undefined) return held.order
    const order = { ...request, confirmation: await this.#warehouse(request) }
    await this.#accounts.set(id, { order, payments: {} })
    return order
  }
}

/** What a delivery says was paid. */
export interface Payment {
  readonly delivery: string
  readonly amount: number
}

function idOf(partner: string, number: string): string {
  return `${partner}:${number}`
}
