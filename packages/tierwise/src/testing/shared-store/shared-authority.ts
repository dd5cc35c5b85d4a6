import type { Authority, Change, Fill, FillAnswer, HeldLease, LeaseRequest } from '../../contract/authority.ts'
import type { Clock } from '../../contract/runtime.ts'
import { affirm, change, type SentChange } from './changes.ts'
import { acquire, fill, release, type SentFill } from './leases.ts'
import type { Link } from './link.ts'
import type { Server } from './server.ts'

/** The authority as one instance sees it. */
export function sharedAuthority(server: Server, link: Link, clock: Pick<Clock, 'now'>): Authority {
  // An instant of this process means nothing to the store, what is left of a life does.
  const sent = <T extends { readonly expiresAt: number }>({ expiresAt, ...rest }: T): SentLife<T> => ({
    ...rest,
    lifeMs: expiresAt - clock.now(),
  })
  return {
    acquire: (requests: readonly LeaseRequest[]) => {
      const { connection } = link
      return link.call('acquire', keysOf(requests), () =>
        requests.map((request) => acquire(server, request, { instance: link.id, connection })),
      )
    },
    fill: (fills: readonly Fill[]) => {
      const { connection } = link
      const sentFills = fills.map(sent)
      // The store may be another one since, which has lost the change that ended the lease and not the lease.
      const answer = (one: SentFill): FillAnswer => {
        if (one.lease.endsWith(connection)) return fill(server, one)
        release(server, one)
        return { refused: 'lease' }
      }
      return link.call('fill', keysOf(fills), () => sentFills.map(answer))
    },
    release: (leases: readonly HeldLease[]) =>
      link.call('release', keysOf(leases), () => leases.forEach((lease) => release(server, lease))),
    change: (changes: readonly Change[]) => {
      const sentChanges = changes.map((one): SentChange => (one.operation === 'set' ? sent(one) : one))
      return link.call('change', keysOf(changes), () => change(server, sentChanges, link.id))
    },
    affirm: (changes) => link.call('affirm', keysOf(changes), () => affirm(server, changes, link.id)),
  }
}

type SentLife<T> = Omit<T, 'expiresAt'> & { readonly lifeMs: number }

function keysOf(items: readonly { readonly key: string }[]): string[] {
  return items.map(({ key }) => key)
}
