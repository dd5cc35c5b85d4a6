import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

import { createCoordination, type Coordination } from '../../../src/coordination/index.ts'
import { redisCoordination } from '../../../src/coordination/redis/index.ts'
import { isWord, startChild } from '../../tiers/disk/child-process.ts'

const package_ = join(import.meta.dirname, '../../..')
/** Below the package, so that the children find the client. */
const bundles = join(package_, `.cache/security-children-${process.pid}`)

/** Real processes that make one call at once. */
export interface Callers {
  /** Over the same keys as the processes. */
  readonly coordination: Coordination
  /** What each of `count` processes was answered. */
  callAtOnce<T>(call: 'rotate' | 'verify' | 'receive', given: unknown, count?: number): Promise<readonly T[]>
  stop(): Promise<void>
}

function isAnswer(message: unknown): message is { readonly outcome: unknown } {
  return typeof message === 'object' && message !== null && 'outcome' in message
}

export async function startCallers(url: string): Promise<Callers> {
  const prefix = `tw-${randomUUID()}`
  const coordination = createCoordination({ store: redisCoordination({ url, prefix }), timeout: '10s' })
  await build({
    configFile: false,
    root: package_,
    logLevel: 'error',
    build: {
      ssr: join(import.meta.dirname, 'children/caller.ts'),
      outDir: bundles,
      rollupOptions: { external: ['ioredis', 'iovalkey', 'redis'], output: { entryFileNames: 'caller.mjs' } },
    },
  })
  return {
    coordination,
    callAtOnce: async <T>(call: string, given: unknown, count = 2) => {
      const args = [url, prefix, call, JSON.stringify(given)]
      const children = Array.from({ length: count }, () => startChild(join(bundles, 'caller.mjs'), args))
      await Promise.all(children.map((child) => child.message(isWord('ready'))))
      for (const child of children) child.process.send('go')
      const answers = await Promise.all(children.map((child) => child.message(isAnswer)))
      await Promise.all(children.map((child) => child.ended))
      return answers.map(({ outcome }) => outcome as T)
    },
    stop: async () => {
      rmSync(bundles, { recursive: true, force: true })
      await coordination.stop()
    },
  }
}
