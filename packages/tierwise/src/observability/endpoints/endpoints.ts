import { createHash, timingSafeEqual } from 'node:crypto'
import { readOptions, shaped, text } from '../../base/option-reader.ts'
import type { CacheManager } from '../../contract/cache.ts'
import type { Health } from '../../contract/health.ts'

/** What gives the text for `/metrics`; a registry of prom-client does. */
export interface MetricsText {
  readonly contentType: string
  metrics(): Promise<string>
}

/** What `endpoints` takes. */
export interface EndpointsOptions {
  /** What `/metrics` answers. @default there is no `/metrics` */
  readonly metrics?: MetricsText
  /** What paths begin with, such as `/cache`. @default none */
  readonly prefix?: string
  /** What `/healthz` and `/metrics` want as `authorization: Bearer <token>`. Probes need none. @default none */
  readonly token?: string
}

/** Answers a request for one of the endpoints; undefined for a path that is none. */
export type Endpoints = (request: Request) => Promise<Response | undefined>

const isMetrics = (raw: unknown): raw is MetricsText => typeof raw === 'object' && raw !== null && 'metrics' in raw

const table = {
  metrics: shaped('a registry of prom-client', isMetrics),
  prefix: shaped('a path like `/cache`', (raw): raw is string => /^(\/[\w.~-]+)*$/.test(String(raw))),
  token: text,
}

/**
 * Answers `/livez`, `/readyz`, `/healthz` and, if there are metrics, `/metrics`. Status 503 says: not live, not ready,
 * or down. A tier that fails does not make `/livez` fail, for a restart would not mend it. Bodies have no keys, values
 * or credentials.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const handle = endpoints(manager)
 * const response = await handle(new Request('http://localhost/livez'))
 * console.log(response?.status) // => 200
 */
export function endpoints(manager: CacheManager, options: EndpointsOptions = {}): Endpoints {
  const { metrics, prefix = '', token } = readOptions(options, 'endpoints', table)
  const routes: Readonly<Record<string, Route | undefined>> = {
    '/livez': { answer: async () => live(await manager.health()) },
    '/readyz': { answer: async () => ready(await manager.health()) },
    '/healthz': { token, answer: async ({ deep }) => wholeHealth(await manager.health({ deep })) },
    '/metrics': metrics && {
      token,
      answer: async () => ({ status: 200, body: await metrics.metrics(), type: metrics.contentType }),
    },
  }
  return async (request) => {
    const url = new URL(request.url)
    if (!url.pathname.startsWith(`${prefix}/`)) return undefined
    const path = url.pathname.slice(prefix.length)
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined
    if (route === undefined) return undefined
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return respond(request, { status: 405, body: { error: 'method not allowed' }, allow: 'GET, HEAD' })
    if (!isAllowed(request, route.token)) return respond(request, { status: 401, body: { error: 'unauthorized' } })
    const deep = url.searchParams.has('deep') && !['0', 'false'].includes(url.searchParams.get('deep') ?? '')
    return respond(request, await route.answer({ deep }).catch(() => ({ status: 500, body: { error: 'failed' } })))
  }
}

interface Route {
  readonly token?: string | undefined
  answer(query: { readonly deep: boolean }): Promise<Answer>
}

interface Answer {
  readonly status: number
  readonly body: object | string
  readonly type?: string
  readonly allow?: string
}

function live({ live: isLive, state }: Health): Answer {
  return { status: isLive ? 200 : 503, body: { live: isLive, state } }
}

function ready({ ready: isReady, status, tiers }: Health): Answer {
  const short = tiers.map(({ name, healthy, breaker }) => ({ name, healthy, breaker }))
  return { status: isReady ? 200 : 503, body: { ready: isReady, status, tiers: short } }
}

function wholeHealth(health: Health): Answer {
  return { status: health.status === 'down' ? 503 : 200, body: health }
}

function respond(
  request: Request,
  { status, body, type = 'application/json; charset=utf-8', allow }: Answer,
): Response {
  const content = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`
  const headers = new Headers({ 'content-type': type, 'cache-control': 'no-store' })
  if (allow !== undefined) headers.set('allow', allow)
  if (status === 401) headers.set('www-authenticate', 'Bearer')
  return new Response(request.method === 'HEAD' ? null : content, { status, headers })
}

function isAllowed(request: Request, token: string | undefined): boolean {
  if (token === undefined) return true
  const given = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
  // Hashes have the same length, so that the time to compare tells nothing.
  return timingSafeEqual(hashOf(given), hashOf(token))
}

function hashOf(value: string): Buffer {
  return createHash('sha256').update(value).digest()
}
