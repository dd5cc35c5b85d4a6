import type { CoordinationStore } from '../../contract/coordination.ts'
import { lifeText } from './arguments.ts'
import { leftOf, listOf, numberOf } from './replies.ts'
import type { RunStep } from './server.ts'
import { acquireScript, releaseScript, renewScript } from './tenure-scripts.ts'

type TenureSteps = Pick<CoordinationStore, 'acquire' | 'renew' | 'release'>

/** Who is the only one, and who stands in line for it. `channelOf` is where the server is told of a channel. */
export function tenureSteps(run: RunStep, channelOf: (channel: string) => string): TenureSteps {
  return {
    acquire: async (key, owner, { ttlMs, waitMs = 0 }) => {
      const args = [owner, lifeText(ttlMs), waitMs > 0 ? lifeText(waitMs) : '0']
      const [granted, number, ahead] = listOf(await run(acquireScript, key, args))
      if (numberOf(granted) === 1) return { kind: 'granted', fence: numberOf(number) }
      return { kind: 'busy', leftMs: leftOf(number), ahead: numberOf(ahead) }
    },
    renew: async (key, owner, ttlMs) => numberOf(await run(renewScript, key, [owner, lifeText(ttlMs)])) === 1,
    release: async (key, owner) => {
      const args = [owner, channelOf(`released:${key}`)]
      return numberOf(await run(releaseScript, key, args)) === 1
    },
  }
}
