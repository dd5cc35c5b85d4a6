import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Everything the testing kit starts listens here only. */
export const loopback = '127.0.0.1'

/** A node of a Redis Cluster talks to the others at its port plus this. */
const clusterBusOffset = 10_000

/**
 * Below the range from which systems take the ports of outgoing connections, also with the offset of the cluster bus
 * added: a server that is down for a while in a test finds its port still free.
 */
const firstPort = 11_000
const portCount = 11_000
const attempts = 200

export interface FreePortOptions {
  /** Ports that are taken but not listened on yet. */
  readonly except?: ReadonlySet<number>
  /** The port of the cluster bus is free too. */
  readonly withClusterBus?: boolean
}

/** A port of the loopback interface that nobody listens on at this moment. */
export async function freePort({ except, withClusterBus = false }: FreePortOptions = {}): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = firstPort + randomInt(portCount)
    if (except?.has(port)) continue
    if ((await isFree(port)) && (!withClusterBus || (await isFree(port + clusterBusOffset)))) return port
  }
  throw new Error(`None of ${attempts} ports tried between ${firstPort} and ${firstPort + portCount} is free`)
}

/** Different ports, all of them free together with their cluster bus. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePort({ except: ports, withClusterBus: true }))
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: loopback, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
