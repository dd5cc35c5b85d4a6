import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A partner’s API on a real port. What it is asked is written down. */
export class PartnerServer implements AsyncDisposable {
  readonly requests: IncomingMessage[] = []
  /** The body is the number of the request, unless a test says otherwise. */
  handler: Handler = (_request, response) => void response.end(String(this.requests.length))
  readonly #server = createServer((request, response) => {
    this.requests.push(request)
    request.resume()
    this.handler(request, response)
  })

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  url(path = '/prices'): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`
  }

  get count(): number {
    return this.requests.length
  }

  /** The number of the request as the body, with these headers. */
  answerWith(headers: Record<string, string | string[]>, status = 200): void {
    this.handler = (_request, response) => void response.writeHead(status, headers).end(String(this.requests.length))
  }

  /** As `answerWith`, and 304 for who has this version. */
  answerVersion(etag: string, headers: Record<string, string>): void {
    this.handler = (request, response) => {
      const isKnown = request.headers['if-none-match'] === etag
      response.writeHead(isKnown ? 304 : 200, { ...headers, etag }).end(isKnown ? undefined : String(this.count))
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

export async function bodyOf(response: Promise<Response> | Response): Promise<string> {
  return (await response).text()
}
