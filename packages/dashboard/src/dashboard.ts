import type { CacheManager } from 'tierwise'
import { Actions } from './actions.ts'
import { Live } from './live/live.ts'
import { readOptions, type DashboardOptions, type ResolvedOptions } from './options.ts'
import { Access } from './web/access.ts'
import { answer, answerJson, Refusal } from './web/answers.ts'
import { readJson } from './web/body.ts'
import { PageFiles } from './web/page-files.ts'

/** A page that shows what a cache does, and the handler that serves it. */
export interface Dashboard {
  /** Answers a request below `basePath`; it does not reject. Works unbound. */
  readonly fetch: (request: Request) => Promise<Response>
  /** What visitors have to know; undefined where `authorize` decides. A fragment `#token=` signs a visitor in. */
  readonly token: string | undefined
  /** Ends all streams; later requests are answered with 503. The manager goes on. */
  stop(): Promise<void>
}

/**
 * The dashboard of a manager, for any server that speaks web-standard requests; `toNodeHandler` for the others.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const dashboard = createDashboard(manager, { basePath: '/cache' })
 * const response = await dashboard.fetch(new Request('http://localhost/cache/'))
 * console.log(response.status) // => 200
 */
export function createDashboard(manager: CacheManager, options: DashboardOptions = {}): Dashboard {
  const handler = new Handler(manager, readOptions(options))
  return {
    fetch: (request) => handler.fetch(request),
    token: handler.options.token,
    stop: async () => handler.stop(),
  }
}

type Route = (request: Request) => Response | Promise<Response>

class Handler {
  readonly options: ResolvedOptions
  readonly #access: Access
  readonly #actions: Actions
  readonly #live: Live
  readonly #files: PageFiles | undefined
  readonly #routes: ReadonlyMap<string, Route>
  #isStopped = false

  constructor(manager: CacheManager, options: ResolvedOptions) {
    this.options = options
    this.#access = new Access(options)
    this.#actions = new Actions(manager, options)
    this.#live = new Live(manager, options)
    this.#files = options.enabled ? new PageFiles() : undefined
    this.#routes = new Map<string, Route>([
      ['GET api/session', async (request) => answerJson(await this.#access.session(request))],
      ['GET api/stream', (request) => this.#stream(request)],
      ['POST api/login', (request) => this.#login(request)],
      ['POST api/logout', (request) => this.#logout(request)],
      ['POST api/inspect', this.#action((body) => this.#actions.inspect(body))],
      ['POST api/invalidate', this.#action((body) => this.#actions.invalidate(body))],
    ])
  }

  async fetch(request: Request): Promise<Response> {
    try {
      return await this.#route(request)
    } catch (error) {
      if (error instanceof Refusal) return error.answer()
      // What went wrong inside is for the logs of the application, not for whoever asks.
      return answerJson({ error: 'Something went wrong in the dashboard.' }, 500)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#live.stop()
  }

  async #route(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    const { basePath, enabled } = this.options
    if (!enabled || !`${pathname}/`.startsWith(`${basePath}/`)) throw new Refusal(404, 'There is nothing here.')
    this.#access.demandOwnHost(request)
    if (this.#isStopped) throw new Refusal(503, 'The dashboard has been stopped.')
    // The page names its files relative to itself.
    if (pathname === basePath) return answer(null, { status: 308, headers: { location: `${basePath}/` } })
    const name = pathname.slice(basePath.length + 1)
    const route = this.#routes.get(`${request.method} ${name}`)
    if (route !== undefined) return route(request)
    if (name.startsWith('api/') || !['GET', 'HEAD'].includes(request.method)) throw this.#noSuchRoute(name)
    await this.#access.demandForPage(request)
    return this.#files?.answer(name, request) ?? new Refusal(404, 'There is nothing here.').answer()
  }

  #noSuchRoute(name: string): Refusal {
    const other = ['GET', 'POST'].find((method) => this.#routes.has(`${method} ${name}`))
    if (other === undefined) return new Refusal(404, 'There is nothing here.')
    return new Refusal(405, `Use ${other}.`, { headers: { allow: other } })
  }

  async #stream(request: Request): Promise<Response> {
    await this.#access.demand(request)
    const body = this.#live.view()
    if (body === undefined) throw new Refusal(503, 'Too many look already.', { headers: { 'retry-after': '10' } })
    // Whoever compresses or buffers on the way would hold pictures back.
    const headers = { 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' }
    return answer(body, { headers: { ...headers, 'content-type': 'text/event-stream' } })
  }

  async #login(request: Request): Promise<Response> {
    this.#access.demandOwnPage(request)
    const { token } = await readJson(request)
    return answerJson({}, 200, { 'set-cookie': this.#access.login(request, token) })
  }

  async #logout(request: Request): Promise<Response> {
    this.#access.demandOwnPage(request)
    return answerJson({}, 200, { 'set-cookie': this.#access.logout(request) })
  }

  #action(act: (body: Readonly<Record<string, unknown>>) => Promise<unknown>): Route {
    return async (request) => {
      this.#access.demandOwnPage(request)
      await this.#access.demand(request)
      return answerJson(await act(await readJson(request)))
    }
  }
}
