import { createServer, type Server } from 'node:http'
import { BlockList, isIPv6, type AddressInfo } from 'node:net'
import type { CacheManager } from 'tierwise'
import { createDashboard, type Dashboard } from './dashboard.ts'
import { wrongOption, type DashboardOptions } from './options.ts'
import { toNodeHandler } from './web/node-handler.ts'

/** Where a dashboard listens. */
export interface ServeOptions extends DashboardOptions {
  /** Others than this machine need a `token` or `authorize`. @default '127.0.0.1' */
  readonly host?: string
  /** @default 0, any that is free */
  readonly port?: number
}

/** A dashboard with a server of its own. */
export interface ServedDashboard {
  /** To open in a browser. A token that was made up is its fragment, which browsers send to no server. */
  readonly url: string
  /** Without the token; for logs. */
  readonly address: string
  /** What visitors have to know; undefined where `authorize` decides. */
  readonly token: string | undefined
  /** Ends all streams and closes the server. The manager goes on. */
  stop(): Promise<void>
}

/**
 * Serves the dashboard of a manager by itself. On a loopback host it answers to loopback names only, unless `allowedHosts`
 * says otherwise. The server does not keep the process alive.
 *
 * @throws ConfigError ERR_CACHE_OPTION for wrong options, or a host that others can reach without a `token` or `authorize`
 */
export async function serveDashboard(manager: CacheManager, options: ServeOptions = {}): Promise<ServedDashboard> {
  const { host = '127.0.0.1', port = 0, ...rest } = options
  const isOwn = isLoopback(host)
  if (!isOwn && rest.token === undefined && rest.authorize === undefined)
    throw wrongOption('host', `'${host}' can be reached by others: set \`token\` or \`authorize\`, or use '127.0.0.1'`)
  const server = createServer().unref()
  const actualPort = await listen(server, host, port)
  const allowedHosts = rest.allowedHosts ?? (isOwn ? loopbackNames(host, actualPort) : undefined)
  try {
    const dashboard = createDashboard(manager, { ...rest, ...(allowedHosts === undefined ? {} : { allowedHosts }) })
    server.on('request', toNodeHandler(dashboard))
    const { basePath = '' } = rest
    const address = `http://${hostInUrl(host)}:${actualPort}${basePath.replace(/\/$/, '')}/`
    return served(dashboard, server, { address, isTokenMadeUp: rest.token === undefined })
  } catch (error) {
    await close(server)
    throw error
  }
}

function served(
  dashboard: Dashboard,
  server: Server,
  { address, isTokenMadeUp }: { readonly address: string; readonly isTokenMadeUp: boolean },
): ServedDashboard {
  const { token } = dashboard
  return {
    url: isTokenMadeUp && token !== undefined ? `${address}#token=${token}` : address,
    address,
    token,
    stop: async () => {
      await dashboard.stop()
      await close(server)
    },
  }
}

function isLoopback(host: string): boolean {
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8)
  loopback.addAddress('::1', 'ipv6')
  return host === 'localhost' || loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}

function loopbackNames(host: string, port: number): readonly string[] {
  const names = new Set([hostInUrl(host), 'localhost', '127.0.0.1', '[::1]'])
  // A browser leaves the usual port out.
  return [...names].flatMap((name) => (port === 80 ? [name] : [`${name}:${port}`]))
}

function hostInUrl(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
