import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startRedis, tcpProxy } from 'tierwise/testing'
import { Source } from './source.mjs'
import { wire } from './wire.mjs'

/** @typedef {import('./caches.mjs').Library} Library */
/** @typedef {{ readonly ask: (call: string, ...args: any[]) => Promise<any>, readonly proxy: import('tierwise/testing').TcpProxy | undefined, readonly stop: () => Promise<void> }} Member */

/**
 * Processes with the same cache over one Redis of their own, and the source that they all load from.
 *
 * @param {{ library: Library, proxied?: boolean, patient?: boolean }} options `proxied` puts a proxy before each
 *   process, for trouble; `patient` as in `SharedCacheOptions`.
 */
export async function openFleet({ library, proxied = false, patient = false }) {
  const server = await startRedis({ dedicated: true })
  const admin = new Redis(server.url)
  const source = new Source()
  /** @type {Member[]} */
  const members = []
  return {
    library,
    server,
    admin,
    source,
    members,
    /** @param {number} size */
    growTo: async (size) => {
      const missing = Array.from({ length: size - members.length }, () =>
        openMember({ library, server, source, proxied, patient }),
      )
      members.push(...(await Promise.all(missing)))
      if (library !== 'tierwise, off') await subscribed(admin, size)
    },
    stop: async () => {
      await Promise.all(members.map((member) => member.stop()))
      admin.disconnect()
      await server.stop()
    },
  }
}

/** @typedef {Awaited<ReturnType<typeof openFleet>>} Fleet */

/**
 * @param {{ library: Library, server: import('tierwise/testing').RedisServer, source: Source, proxied: boolean, patient: boolean }} place
 * @returns {Promise<Member>}
 */
async function openMember({ library, server, source, proxied, patient }) {
  const proxy = proxied ? await tcpProxy({ target: server }) : undefined
  const child = fork(new URL('./member.mjs', import.meta.url), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let printed = ''
  child.stderr?.on('data', (chunk) => (printed = (printed + chunk).slice(-2000)))
  const { ask, close } = wire(child, { load: (/** @type {string} */ key) => source.load(key) })
  const ended = once(child, 'close').then(() => close(new Error(`A process with ${library} has ended: ${printed}`)))
  await ask('open', library, { host: server.host, port: proxy?.port ?? server.port, patient })
  return {
    ask,
    proxy,
    stop: async () => {
      child.kill('SIGKILL')
      await ended
      await proxy?.close()
    },
  }
}

/** Not every library says when its subscription is there, so the server is asked. @param {Redis} admin @param {number} size */
async function subscribed(admin, size) {
  for (let tries = 0; tries < 3000; tries++) {
    const clients = String(await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub'))
    if (clients.split('\n').filter((line) => /sub=[1-9]/.test(line)).length >= size) return
    await sleep(10)
  }
  throw new Error(`Of ${size} processes not all have subscribed within 30 seconds`)
}
