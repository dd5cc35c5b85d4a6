import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The partner of the demonstration: a server of its own, which tells how long its prices are good. */
export interface PriceServer {
  readonly url: string
  /** How often it was asked, and how often it said that nothing has changed. */
  readonly counts: { readonly asked: number; readonly unchanged: number }
  stop(): Promise<void>
}

export async function startPriceServer({
  maxAgeSeconds = 5,
}: { readonly maxAgeSeconds?: number } = {}): Promise<PriceServer> {
  const counts = { asked: 0, unchanged: 0 }
  const etag = '"2026-11"'
  const headers = { etag, 'cache-control': `max-age=${maxAgeSeconds}, stale-if-error=600` }
  const server = createServer((request, response) => {
    counts.asked++
    const isKnown = request.headers['if-none-match'] === etag
    if (isKnown) counts.unchanged++
    if (isKnown) response.writeHead(304, headers).end()
    else response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end('{"steel":812,"glass":95}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: `http://127.0.0.1:${port}/prices`, counts, stop }
}
