import type { RedisArgument, RedisPort } from '../../../clients/redis/port.ts'
import type { Announcer } from '../announcer.ts'
import type { KeyLayout } from '../key-layout.ts'
import type { Sender } from '../ordered-queue.ts'
import { listOf, numberOf, textOf } from '../replies.ts'
import { authorityScript } from './authority-script.ts'
import type { Operation, Outcome } from './operation.ts'

export interface OperationSenderParts {
  readonly port: RedisPort
  readonly layout: KeyLayout
  readonly announcer: Announcer
  /** How long what may come late is remembered: tombstones, fences, orders, and leases after their time. */
  readonly lateMs: number
  /** A text of its own for each connection that is made. */
  readonly connection: () => string
}

/**
 * Sends operations of one lane in one script. While the slot of the lane moves to another node the cluster refuses that,
 * because a change, its count and its log are never in two places.
 */
export function operationSender({
  port,
  layout,
  announcer,
  lateMs,
  connection,
}: OperationSenderParts): Sender<Operation, Outcome> {
  return async (operations) => {
    const lane = operations[0]?.group ?? 0
    const announcement = announcer.lane(lane)
    const keys: string[] = [...announcement.keys]
    const args: RedisArgument[] = [...announcement.args, String(layout.nameOf('', lane).length), String(lateMs)]
    for (const { key, args: own } of operations) {
      keys.push(layout.nameOf(key, lane), layout.transientNameOf(key, lane))
      args.push(...own)
    }
    const [sequence, ...replies] = listOf(await authorityScript.run(port, keys, args))
    const about = { lane, sequence: numberOf(sequence), connection: connection() }
    return replies.map((reply) => failureOf(reply) ?? { reply, ...about })
  }
}

function failureOf(reply: unknown): Error | undefined {
  if (!Array.isArray(reply) || textOf(reply[0]) !== 'error') return undefined
  return new Error(textOf(reply[1]))
}
