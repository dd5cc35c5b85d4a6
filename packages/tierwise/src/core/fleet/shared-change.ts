import type { Change, ChangeAnswer } from '../../contract/authority.ts'
import type { BusPosition } from '../../contract/bus.ts'
import { interruptLoads } from '../coherence.ts'
import type { GuardedTier } from '../guard/guarded-tier.ts'
import type { Namespace } from '../namespace.ts'
import type { Sharing } from './sharing.ts'
import type { Ticket } from '../tickets.ts'

type WithoutOrder<C> = C extends Change ? Omit<C, 'order' | 'key'> : never

/** A change of one key that the authority is to make; its place in line is given here. */
export interface SharedChange {
  readonly key: string
  readonly change: WithoutOrder<Change>
}

/** What became of a change. Without a version it is not known, or was refused. */
export interface Changed {
  readonly key: string
  /** Larger than every version the key had before; an estimate while the authority does not answer. */
  readonly version: number
  readonly outcome: 'applied' | 'owed' | Extract<ChangeAnswer, { readonly refused: unknown }>['refused']
  readonly wasHeld: boolean
  readonly position: BusPosition | undefined
  /** Whether memory may take the new value: nothing else has changed the key meanwhile. */
  mayInstall(): boolean
  /** Whether this process has begun no later change of the key, whatever became of that. */
  isLatest(): boolean
}

/** What is done with the changes before they count as applied in this process. */
export interface SharedSteps {
  readonly changes: readonly SharedChange[]
  /** Memory of this process; called once all answers are there. */
  readonly install: (changed: readonly Changed[]) => void
  /** The tiers besides the authority, with the versions it has given. */
  readonly tellOthers: (changed: readonly Changed[], others: readonly GuardedTier[]) => Promise<void>
}

/**
 * Makes changes that concern other processes. The authority makes and announces them in one step and gives their
 * versions; memory and the other tiers follow with these. From the beginning until the last tier has answered nothing
 * that is read of the keys is stored, because a tier that has not heard of the change may still give the old value.
 */
export function changeShared(ns: Namespace, sharing: Sharing, steps: SharedSteps): Promise<readonly Changed[]> {
  const change = makeChange(ns, sharing, steps)
  ns.engine.fleet?.followOwn(change)
  return change
}

async function makeChange(ns: Namespace, sharing: Sharing, steps: SharedSteps): Promise<readonly Changed[]> {
  const keys = steps.changes.map(({ key }) => key)
  const tickets = keys.map((key) => begin(ns, key))
  let changed: readonly Changed[] = []
  try {
    changed = await askAuthority(ns, sharing, { changes: steps.changes, tickets })
    for (const { key, version } of changed) dropOlder(ns, key, version)
    steps.install(changed)
    const others = ns.tiers.filter((tier) => tier.name !== sharing.tier)
    if (others.length > 0) await steps.tellOthers(changed, others)
    // protocol P6 look-back: the mark that refuses copies from below may be evicted before the tiers below have heard
    if (others.some(({ capabilities }) => capabilities.shared && capabilities.readOnly !== true))
      await affirm(
        ns,
        sharing,
        changed.filter((_, at) => !isRewrite(steps.changes[at]!)),
      )
    return changed
  } finally {
    for (const [at, key] of keys.entries()) end(ns, tickets[at]!, { key, version: changed[at]?.version ?? Infinity })
  }
}

function begin(ns: Namespace, key: string): Ticket {
  // protocol P1 change-interrupts: loads that are under way have read the source before the change
  interruptLoads(ns, key, Infinity)
  ns.sharing?.forget(key)
  ns.tickets.beginChange(key, Infinity)
  return ns.tickets.openForChange(key)
}

function end(
  ns: Namespace,
  ticket: Ticket,
  { key, version }: { readonly key: string; readonly version: number },
): void {
  ns.tickets.close(ticket)
  // protocol P1 change-end-detaches: a lookup that began after the change may have asked a tier before it heard
  ns.flights.detachLookup(key, version)
  ns.tickets.endChange(key, version)
  dropOlder(ns, key, version)
}

/** What is there without a version was put there by this very change, or one after it. */
function dropOlder(ns: Namespace, key: string, version: number): void {
  const held = ns.local?.space.find(key)
  // protocol P4 change-drops: what is older than a change, or than what refused it, is not the value any more
  if (held !== undefined && held.version < version && !(held.version === 0 && ns.sharing?.isProvided(key)))
    ns.local?.space.delete(key)
}

async function askAuthority(
  ns: Namespace,
  sharing: Sharing,
  { changes, tickets }: { readonly changes: readonly SharedChange[]; readonly tickets: readonly Ticket[] },
): Promise<readonly Changed[]> {
  const { versions } = ns.engine
  const ordered = changes.map(
    ({ key, change }) => ({ ...change, key: ns.storageKey(key), order: versions.nextVersion() }) as Change,
  )
  const answers = await sharing.authority?.change(ordered, ns.prefix)
  return changes.map(({ key }, at) => toChanged(ns, { key, answer: answers?.[at], ticket: tickets[at]! }))
}

function toChanged(
  ns: Namespace,
  { key, answer, ticket }: { readonly key: string; readonly answer: ChangeAnswer | undefined; readonly ticket: Ticket },
): Changed {
  const { versions } = ns.engine
  const position = answer !== undefined && 'position' in answer ? answer.position : undefined
  const version = answer !== undefined && 'version' in answer ? answer.version : versions.nextVersion()
  versions.observe(version)
  return {
    key,
    version,
    outcome: outcomeOf(answer),
    wasHeld: answer !== undefined && 'wasHeld' in answer && answer.wasHeld,
    position,
    mayInstall: () => {
      const held = ns.local?.space.find(key)
      // protocol P1 write-reply: another change may have been told before the reply came
      return ticket.allows(version) && (held === undefined || held.version < version)
    },
    // Outcomes that are not known come in no order: a later change is given up at once when a breaker has opened.
    isLatest: () => ticket.allows(Number.MAX_VALUE),
  }
}

function outcomeOf(answer: ChangeAnswer | undefined): Changed['outcome'] {
  if (answer === undefined) return 'owed'
  return 'refused' in answer ? answer.refused : 'applied'
}

/** A copy from a tier below that was on its way up is refused only while the authority remembers the change. */
async function affirm(ns: Namespace, sharing: Sharing, changed: readonly Changed[]): Promise<void> {
  const made = changed.filter(({ position }) => position !== undefined)
  if (made.length === 0) return
  await sharing.authority?.affirm(made.map(({ key, version }) => ({ key: ns.storageKey(key), version })))
}

/** A value that got another life has made no copy old. */
function isRewrite({ change }: SharedChange): boolean {
  return change.operation === 'set' && change.ifVersion !== undefined
}
