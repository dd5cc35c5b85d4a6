import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'

/** Anything that answers web-standard requests. */
export interface FetchHandler {
  fetch(request: Request): Response | Promise<Response>
}

/**
 * Takes what a server of Node gives. A framework that has read the body already hands it over: as `request.body`, as
 * Express does, or as the third argument.
 */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse, parsedBody?: unknown) => void

/** The handler for `node:http`, Express and Fastify. */
export function toNodeHandler(handler: FetchHandler): NodeHandler {
  return (request, response, parsedBody) => {
    respond(handler, { request, response, parsedBody }).catch(() => {
      // The one who asked is gone, or did not speak HTTP.
      if (response.headersSent) return response.destroy()
      return response.writeHead(400).end()
    })
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly parsedBody: unknown
}

async function respond(handler: FetchHandler, exchange: Exchange): Promise<void> {
  const { response } = exchange
  const { status, headers, body } = await handler.fetch(toWebRequest(exchange))
  response.statusCode = status
  for (const [name, value] of headers) if (name !== 'set-cookie') response.setHeader(name, value)
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  if (body === null) {
    response.end()
    return
  }
  response.flushHeaders()
  await writeAll(body, response)
}

function toWebRequest({ request, response, parsedBody }: Exchange): Request {
  const { method = 'GET', headers } = request
  const scheme = 'encrypted' in request.socket ? 'https' : 'http'
  // Express takes the part at which it is mounted away from the address.
  const path = (request as { originalUrl?: string }).originalUrl ?? request.url ?? '/'
  const url = new URL(`${scheme}://${headers.host ?? 'localhost'}`)
  const [pathname = '/', search = ''] = path.split('?', 2)
  url.pathname = pathname
  url.search = search
  const leaving = new AbortController()
  response.once('close', () => leaving.abort())
  return new Request(url, {
    method,
    headers: webHeadersOf(headers),
    signal: leaving.signal,
    ...(method === 'GET' || method === 'HEAD' ? {} : bodyOf(request, parsedBody)),
  })
}

function webHeadersOf(headers: IncomingMessage['headers']): Headers {
  const web = new Headers()
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !name.startsWith(':')) web.set(name, Array.isArray(value) ? value.join(', ') : value)
  return web
}

function bodyOf(request: IncomingMessage, parsedBody: unknown): RequestInit {
  const own = (request as { body?: unknown }).body
  // Express calls a handler with `next` as the third argument.
  const parsed = typeof parsedBody === 'function' || parsedBody === undefined ? own : parsedBody
  if (parsed === undefined || parsed === null)
    return { body: Readable.toWeb(request) as ReadableStream<Uint8Array>, duplex: 'half' } as RequestInit
  return { body: typeof parsed === 'string' ? parsed : JSON.stringify(parsed) }
}

/** At the speed at which the other side reads. */
async function writeAll(body: ReadableStream<Uint8Array>, response: ServerResponse): Promise<void> {
  const reader = (body as unknown as NodeReadableStream<Uint8Array>).getReader()
  response.once('close', () => void reader.cancel().catch(() => {}))
  for (;;) {
    const { done, value } = await reader.read()
    if (done || response.destroyed) break
    if (!response.write(value)) await drained(response)
  }
  response.end()
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}
