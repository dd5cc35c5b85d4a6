import { randomBytes } from 'node:crypto'
import type { RedisArgument, RedisNode, RedisPort, RedisReply } from '../../clients/redis/port.ts'
import type { KeyLayout } from './key-layout.ts'
import { busLanes, laneNames } from './lane.ts'

/** How messages of the bus are sent; on a cluster SPUBLISH stays within the shard. */
export type PublishCommand = 'PUBLISH' | 'SPUBLISH'

/** What a script needs to announce a change in a lane. */
export interface Announcement {
  /** Head and log of the lane. */
  readonly keys: readonly [head: string, log: string]
  /** Channel, command, instance, and a random id for this change. */
  readonly args: readonly RedisArgument[]
}

/** Says what scripts need to announce what they change. */
export class Announcer {
  readonly #prefix: string
  readonly #layout: KeyLayout
  /** How changes are announced. */
  readonly publish: PublishCommand
  readonly #source: string

  constructor(
    place: { readonly prefix: string; readonly layout: KeyLayout },
    { publish, source }: { readonly publish: PublishCommand; readonly source: string },
  ) {
    this.#prefix = place.prefix
    this.#layout = place.layout
    this.publish = publish
    this.#source = source
  }

  lane(lane: number): Announcement {
    const { head, log, channel } = laneNames(this.#prefix, this.#layout, lane)
    return { keys: [head, log], args: [channel, this.publish, this.#source, randomText()] }
  }

  tags(): Announcement {
    return this.lane(busLanes(this.#layout).tagLane)
  }
}

/** Twelve characters that nobody else draws. */
export function randomText(): string {
  return randomBytes(9).toString('base64url')
}

/** What of a connection tells the commands that its servers know. */
interface Deployment extends Pick<RedisPort, 'topology'> {
  primaries(): Promise<readonly Pick<RedisNode, 'send'>[]>
}

/** What all that share the server agree on: sharded messages on a cluster that has them. */
export async function publishCommandOf(deployment: Deployment): Promise<PublishCommand> {
  if (deployment.topology === 'single') return 'PUBLISH'
  const [node] = await deployment.primaries()
  const known = await node?.send(['COMMAND', 'INFO', 'SPUBLISH'])
  return isKnown(known) ? 'SPUBLISH' : 'PUBLISH'
}

/** A list with nothing in it but nil is the answer about a command that there is not. */
function isKnown(reply: RedisReply | undefined): boolean {
  return Array.isArray(reply) && reply.length > 0 && reply[0] !== null
}
