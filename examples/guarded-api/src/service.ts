import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { partnerResponses } from 'tierwise/recipes'
import { createGuards } from './guards.ts'
import type { Guards } from './guards.ts'
import { listen } from './http.ts'
import { OrderBook } from './orders.ts'
import type { Warehouse } from './orders.ts'
import { createRoutes } from './routes.ts'
import type { Settings } from './settings.ts'
import { createStore } from './store.ts'
import { createUsers } from './users.ts'

/** A service that serves. */
export interface Service {
  readonly origin: string
  readonly guards: Guards
  /** Answers what was asked, then closes the store. */
  stop(): Promise<void>
}

const warehouse: Warehouse = async () => randomUUID()

/** Everything put together. */
export async function startService(
  settings: Settings,
  { deliver = warehouse }: { readonly deliver?: Warehouse } = {},
): Promise<Service> {
  const store = createStore(settings)
  const guards = createGuards(store, settings)
  const responses = partnerResponses(store.cache.namespace('partner_responses'))
  const routes = createRoutes({
    guards,
    settings,
    users: await createUsers({ ada: 'correct horse', bob: 'battery staple' }),
    orders: new OrderBook(store.coordination, deliver),
    askPartner: responses.forPartner('acme'),
  })
  const server = await listen(routes, settings)
  const { port } = server.address() as AddressInfo
  const stop = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
    })
    await store.stop()
  }
  return { origin: `http://127.0.0.1:${port}`, guards, stop }
}
