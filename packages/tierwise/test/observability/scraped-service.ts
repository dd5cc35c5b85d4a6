import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Registry } from 'prom-client'
import type { CacheManager } from '../../src/contract/cache.ts'
import { prometheusMetrics, type PrometheusOptions } from '../../src/observability/prometheus/index.ts'

/** A process that answers Prometheus, with the metrics of one manager. */
export interface ScrapedService {
  /** Host and port, as Prometheus takes a target. */
  readonly address: string
  readonly register: Registry
  stop(): Promise<void>
}

/** Answers every path with the metrics of the manager, at a free loopback port. */
export async function scrapedService(
  manager: CacheManager,
  options: Omit<PrometheusOptions, 'register'> = {},
): Promise<ScrapedService> {
  const register = new Registry()
  const metrics = prometheusMetrics(manager, { ...options, register })
  const server = createServer((_request, response) => {
    register.metrics().then(
      (text) => response.setHeader('content-type', register.contentType).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await listening(server)
  const { port } = server.address() as AddressInfo
  const stop = async (): Promise<void> => {
    metrics.stop()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { address: `127.0.0.1:${port}`, register, stop }
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
}
