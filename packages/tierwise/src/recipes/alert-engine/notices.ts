import { withDeadline } from '../../base/deadline.ts'
import type { ClaimedWork, Claims, Coordination, Register } from '../../coordination/index.ts'
import type { Runtime } from '../../index.ts'
import type { Alert } from './alerts.ts'

/** Alerts of a group that are told together. */
export interface AlertNotification {
  readonly group: string
  readonly firing: readonly Alert[]
  readonly resolved: readonly Alert[]
}

export interface NoticesParts {
  readonly coordination: Coordination
  readonly name: string
  readonly alerts: Register<Alert>
  readonly notify: (notification: AlertNotification) => void | Promise<void>
  readonly groupBy: (alert: Alert) => string
  readonly groupIntervalMs: number
  readonly timeoutMs: number
  readonly timers: Runtime['timers']
}

interface Notice {
  readonly alert: Alert
  readonly kind: 'firing' | 'resolved'
  /** When it began to fire: names what is told. */
  readonly incident: number
}

/** What there is to tell of an alert. */
export function noticeOf(alert: Alert, isSilenced: boolean): Notice | undefined {
  if (isSilenced) return undefined
  const { state, told, firedAt, acknowledged } = alert
  if (state === 'resolved' && told !== undefined) return { alert, kind: 'resolved', incident: told }
  if (state !== 'firing' || firedAt === undefined || told !== undefined || acknowledged !== undefined) return undefined
  return { alert, kind: 'firing', incident: firedAt }
}

/**
 * Tells what there is to tell, a group at a time. A group waits until its interval is over; each notice is claimed, so two
 * processes do not tell it both, and one that died before it had told it is followed by another.
 */
export class Notices {
  readonly #parts: NoticesParts
  readonly #claims: Claims
  /** Groups that were told within the interval. */
  readonly #groups: Register<true>

  constructor(parts: NoticesParts) {
    const { coordination, name, groupIntervalMs, timeoutMs } = parts
    this.#parts = parts
    this.#claims = coordination.claims(`${name}.notices`, { failure: 'closed', lease: 2 * timeoutMs, keep: '7d' })
    this.#groups = coordination.register(`${name}.groups`, { failure: 'closed', ttl: groupIntervalMs })
  }

  /** How many groups were told, and what could not be. */
  async send(notices: readonly Notice[]): Promise<{ readonly told: number; readonly errors: readonly unknown[] }> {
    const groups = new Map<string, Notice[]>()
    for (const notice of notices) {
      const group = this.#parts.groupBy(notice.alert)
      groups.set(group, [...(groups.get(group) ?? []), notice])
    }
    const outcomes = await Promise.allSettled(Array.from(groups, ([group, own]) => this.#sendGroup(group, own)))
    return {
      told: outcomes.filter((each) => each.status === 'fulfilled' && each.value).length,
      errors: outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : [])),
    }
  }

  async #sendGroup(group: string, notices: readonly Notice[]): Promise<boolean> {
    const id = `group:${group}`
    if (!(await this.#groups.setIfAbsent(id, true))) return false
    try {
      const isTold = await this.#tell(group, notices)
      // Somebody else is at it, or was: the group need not wait for that.
      if (!isTold) await this.#groups.delete(id)
      return isTold
    } catch (error) {
      await this.#groups.delete(id).catch(() => false)
      throw error
    }
  }

  async #tell(group: string, notices: readonly Notice[]): Promise<boolean> {
    const ids = notices.map(({ alert, kind, incident }) => `${alert.fingerprint}:${incident}:${kind}`)
    const claims = await this.#claims.claimMany(ids)
    const mine = notices.flatMap((notice, i) => {
      const claim = claims[i]
      return claim?.kind === 'claimed' ? [{ notice, claim }] : []
    })
    if (mine.length > 0) await this.#notify(group, mine)
    const told = notices.filter((_, i) => claims[i]?.kind !== 'busy')
    await Promise.all(told.map((notice) => this.#markTold(notice)))
    return mine.length > 0
  }

  async #notify(
    group: string,
    mine: readonly { readonly notice: Notice; readonly claim: ClaimedWork<undefined> }[],
  ): Promise<void> {
    const { notify, timeoutMs, timers } = this.#parts
    const of = (kind: Notice['kind']): Alert[] =>
      mine.flatMap(({ notice }) => (notice.kind === kind ? [notice.alert] : []))
    try {
      const telling = (async () => notify({ group, firing: of('firing'), resolved: of('resolved') }))()
      const error = (): Error => new Error(`Who is told of alerts did not answer within ${timeoutMs} ms.`)
      await withDeadline(telling, timeoutMs, { timers, error })
    } catch (error) {
      await Promise.all(mine.map(({ claim }) => claim.abandon().catch(() => false)))
      throw error
    }
    await Promise.all(mine.map(({ claim }) => claim.commit()))
  }

  async #markTold({ alert: { fingerprint }, kind, incident }: Notice): Promise<void> {
    await this.#parts.alerts.update(fingerprint, (current) => {
      if (current === undefined) return undefined
      if (kind === 'resolved') return current.told === incident ? { ...current, told: undefined } : undefined
      // It may be over by now: then that is to be told.
      return current.firedAt === incident && current.told === undefined ? { ...current, told: incident } : undefined
    })
  }
}
