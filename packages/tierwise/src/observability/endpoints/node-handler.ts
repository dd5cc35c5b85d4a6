import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Endpoints } from './endpoints.ts'

/**
 * The endpoints for servers that hand out the requests of `node:http`: `createServer`, Express and Connect. Resolves to
 * whether it answered; what it does not answer it leaves to `next`, or to 404 without one.
 *
 * @example
 * const server = createServer(nodeHandler(endpoints(manager)))
 */
export function nodeHandler(
  handle: Endpoints,
): (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void) => void {
  return (request, response, next) => {
    void handle(toRequest(request)).then(
      (answer) => {
        if (answer !== undefined) return send(answer, response)
        if (next !== undefined) return next()
        response.writeHead(404).end()
      },
      (error: unknown) => (next === undefined ? response.writeHead(500).end() : next(error)),
    )
  }
}

function toRequest({ url = '/', method = 'GET', headers }: IncomingMessage): Request {
  const all = new Headers()
  if (headers.authorization !== undefined) all.set('authorization', headers.authorization)
  // Whose host it is plays no part, and a client may have sent any text.
  return new Request(new URL(url.replace(/^\/+/, '/'), 'http://localhost'), { method, headers: all })
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  response.end(await answer.text())
}
