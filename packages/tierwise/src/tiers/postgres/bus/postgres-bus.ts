import { randomBytes } from 'node:crypto'

import { EchoBus } from '../../../base/echo-bus/index.ts'
import type { PostgresPort } from '../../../clients/postgres/port.ts'
import type { Bus } from '../../../contract/bus.ts'
import type { TierContext } from '../../../contract/tier.ts'
import type { Tables } from '../tables.ts'
import { Announcer } from './announcement.ts'
import { NotifyChannel } from './notify-channel.ts'

export interface PostgresBusOptions {
  readonly tables: Tables
  readonly context: TierContext
  /** @throws TierError when the tier is not open. */
  readonly port: () => PostgresPort
}

/** What a tier announces, and the bus on which others hear it. */
export interface PostgresBus {
  readonly bus: Bus
  readonly announcer: Announcer
}

export function postgresBus({ tables, context, port }: PostgresBusOptions): PostgresBus {
  const source = randomBytes(9).toString('base64url')
  const announcer = new Announcer({ tables, scope: context.prefix, source })
  const onSilence = (): void =>
    context.report({
      type: 'tier-notice',
      tier: context.name,
      notice: 'bus-silent',
      detail:
        'Notifications do not come back over the connection that listens, so it is made again. Behind a pooler in transaction mode LISTEN does not work: connect to the server itself, or set `bus: false`',
    })
  const channel = new NotifyChannel({ channel: announcer.channel, runtime: context, port, onSilence })
  const { maxStalenessMs = 5000 } = context
  const bus = new EchoBus({ channel, runtime: context, source, announces: false, maxStalenessMs })
  return { bus, announcer }
}
