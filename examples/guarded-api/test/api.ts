import { afterEach, beforeEach, describe } from 'vitest'
import { signRequest, signWebhook } from 'tierwise/recipes'
import { startRedis } from 'tierwise/testing'
import type { RedisServer } from 'tierwise/testing'
import { startPriceServer } from '../src/price-server.ts'
import type { PriceServer } from '../src/price-server.ts'
import { startService } from '../src/service.ts'
import type { Service } from '../src/service.ts'
import type { Warehouse } from '../src/orders.ts'
import { partner, settingsFrom } from '../src/settings.ts'
import type { Settings } from '../src/settings.ts'

/** What a route answered. */
export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
  /** Of the refresh token, as a browser would send it back. */
  readonly cookie: string
  readonly accessToken: string
}

export interface Ask {
  readonly token?: string
  readonly cookie?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** Services over one store: two over a Redis, one in process, which is then both. */
export interface World {
  readonly services: readonly [Service, Service]
  readonly prices: PriceServer
  readonly settings: Settings
  readonly redis: RedisServer | undefined
  readonly lines: string[]
  readonly delivered: string[]
  stop(): Promise<void>
}

export interface WorldOptions {
  readonly redis?: RedisServer
  readonly maxAgeSeconds?: number
  readonly processes?: number
  readonly tls?: boolean
  readonly deliver?: Warehouse
}

export async function startWorld(options: WorldOptions): Promise<World> {
  const { redis, maxAgeSeconds = 60, processes = 1, tls = false, deliver } = options
  const lines: string[] = []
  const delivered: string[] = []
  const prices = await startPriceServer({ maxAgeSeconds })
  const settings: Settings = {
    ...settingsFrom({ PORT: '0', REDIS_URL: redis?.url }),
    processes,
    tls,
    pricesUrl: prices.url,
    log: (line) => lines.push(line),
  }
  const record: Warehouse = async ({ number }) => {
    delivered.push(number)
    return `delivery ${delivered.length}`
  }
  const start = (): Promise<Service> => startService(settings, { deliver: deliver ?? record })
  const first = await start()
  const second = redis === undefined ? first : await start()
  const stop = async (): Promise<void> => {
    await Promise.all([...new Set([first, second])].map((service) => service.stop()))
    await prices.stop()
  }
  return { services: [first, second], prices, settings, redis, lines, delivered, stop }
}

/** Runs tests with the state in process, and with two services over a real Redis. */
export function overBothStores(
  define: (world: () => World, restart: (options: WorldOptions) => Promise<void>) => void,
): void {
  describe.each(['in process', 'in Redis'] as const)('with the state %s', (place) => {
    let world: World
    let redis: RedisServer | undefined
    beforeEach(async () => {
      redis = place === 'in Redis' ? await startRedis() : undefined
      world = await startWorld({ redis })
    })
    afterEach(async () => {
      await world.stop()
      await redis?.stop()
    })
    define(
      () => world,
      async (options) => {
        await world.stop()
        world = await startWorld({ redis, ...options })
      },
    )
  })
}

export async function ask(
  { origin }: Service,
  route: string,
  { token, cookie, headers, body }: Ask = {},
): Promise<Reply> {
  const [method = '', path = ''] = route.split(' ')
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(cookie === undefined ? {} : { cookie }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  const [set = ''] = response.headers.getSetCookie()
  const accessToken = String(parsed['accessToken'])
  return {
    status: response.status,
    headers: response.headers,
    body: parsed,
    cookie: set.split(';')[0] ?? '',
    accessToken,
  }
}

export function logIn(service: Service, user = 'ada', password = 'correct horse'): Promise<Reply> {
  return ask(service, 'POST /login', { body: JSON.stringify({ user, password }) })
}

/** The field of a signed request. */
export function orderHeaders({ settings }: World, body: string, nonce?: string): Readonly<Record<string, string>> {
  const request = { method: 'POST', url: '/orders', body }
  const key = { id: partner.orderKeyId, secret: settings.orderSecret }
  return signRequest(request, key, nonce === undefined ? {} : { nonce })
}

/** An order that is signed, and at which of the services it is placed. */
export function order(world: World, content: object, { at = 0, headers = {} }: OrderOptions = {}): Promise<Reply> {
  const body = JSON.stringify(content)
  return ask(world.services[at], 'POST /orders', { body, headers: { ...orderHeaders(world, body), ...headers } })
}

interface OrderOptions {
  readonly at?: 0 | 1
  readonly headers?: Readonly<Record<string, string>>
}

export function webhookHeaders({ settings }: World, id: string, body: string): Readonly<Record<string, string>> {
  const timestamp = Math.floor(Date.now() / 1000)
  return signWebhook({ id, timestamp, body }, { secrets: [settings.webhookSecret] })
}

export function statuses(replies: readonly Reply[]): number[] {
  return replies.map(({ status }) => status).toSorted()
}
