import { createServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { CacheError } from 'tierwise'
import { RefusedError } from 'tierwise/recipes'
import type { Refusal } from 'tierwise/recipes'

/** What a route answers. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown
}

/** What a route is asked. */
export interface Call {
  readonly request: IncomingMessage
  /** The part of the path that the pattern of the route leaves open. */
  readonly parameter: string
  /** As this server saw it. Behind a proxy it has to be what that proxy saw. */
  readonly address: string
}

/** By method and path, in which `*` stands for one part: `POST /webhooks/*`. */
export type Routes = Readonly<Record<string, (call: Call) => Promise<Answer>>>

/** What ends a route early. The message is for whoever asked. */
export class HttpError extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message = STATUS_CODES[status] ?? '', headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

/** Refuses with what the recipe says, and without its reason: that is for the log. */
export function refused({ status, headers }: Refusal): Answer {
  return { status, headers, body: { error: STATUS_CODES[status] } }
}

/** A server that listens on 127.0.0.1 when this resolves. */
export async function listen(
  routes: Routes,
  { port, log }: { readonly port: number; readonly log: (line: string) => void },
): Promise<Server> {
  const server = createServer((request, response) => {
    answer(routes, request)
      .catch((error: unknown) => answerToError(error, log))
      .then((given) => send(response, given))
      .catch((error: unknown) => log(String(error)))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  return server
}

/**
 * The bytes of a body.
 *
 * @throws HttpError 413 when there are more than `mostBytes`, of which no more is read then
 */
export async function readBody(request: IncomingMessage, mostBytes = 16_384): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.byteLength
    if (length > mostBytes) throw new HttpError(413, undefined, { Connection: 'close' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** @throws HttpError 400 */
export function parseObject(body: Buffer): Readonly<Record<string, unknown>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    throw new HttpError(400, 'The body is no JSON')
  }
  if (typeof parsed !== 'object' || parsed === null) throw new HttpError(400, 'The body is no object')
  return parsed as Readonly<Record<string, unknown>>
}

/** @throws HttpError 400 */
export function textOf(raw: unknown, name: string): string {
  if (typeof raw === 'string' && /^[\w.@ -]{1,64}$/.test(raw)) return raw
  throw new HttpError(400, `${name} must be a text of 1 to 64 letters, digits and . @ _ -`)
}

/** @throws HttpError 400 */
export function amountOf(raw: unknown): number {
  if (typeof raw === 'number') return raw
  throw new HttpError(400, 'amount must be a number')
}

export function bearerOf({ headers }: IncomingMessage): string {
  return /^Bearer ([\w.-]+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}

export function cookieOf({ headers }: IncomingMessage, name: string): string {
  const pairs = (headers.cookie ?? '').split(/; */).map((pair) => pair.split('=', 2))
  return pairs.find(([key]) => key === name)?.[1] ?? ''
}

async function answer(routes: Routes, request: IncomingMessage): Promise<Answer> {
  const [path = ''] = (request.url ?? '').split('?', 1)
  const parameter = path.slice(path.lastIndexOf('/') + 1)
  const one = `${request.method} ${path}`
  const route = ownRoute(routes, one) ?? ownRoute(routes, one.slice(0, one.length - parameter.length) + '*')
  if (route === undefined) throw new HttpError(404)
  return route({ request, parameter, address: request.socket.remoteAddress ?? '' })
}

function ownRoute(routes: Routes, name: string): Routes[string] | undefined {
  return Object.hasOwn(routes, name) ? routes[name] : undefined
}

function answerToError(error: unknown, log: (line: string) => void): Answer {
  if (error instanceof RefusedError) return refused(error.refusal)
  if (error instanceof HttpError) {
    const { status, headers, message } = error
    return { status, headers, body: { error: message } }
  }
  if (error instanceof CacheError && error.code === 'ERR_CACHE_UNAVAILABLE')
    return { status: 503, headers: { 'Retry-After': '1' }, body: { error: STATUS_CODES[503] } }
  log(String(error))
  return { status: 500, body: { error: STATUS_CODES[500] } }
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  const bytes = body instanceof Uint8Array ? body : body === undefined ? undefined : JSON.stringify(body)
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers }).end(bytes)
}
