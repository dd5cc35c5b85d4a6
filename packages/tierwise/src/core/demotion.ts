import type { LocalEntry } from '../contract/tier.ts'
import type { Namespace } from './namespace.ts'
import { encode, toRecord } from './store.ts'

/** Hands on what memory gives up for lack of room. It is written behind; where the queue is full it is gone. */
export function demote(ns: Namespace, key: string, held: LocalEntry): void {
  const { demotion: tier } = ns
  // A provisional value has no version, by which a change could find it older: only memory may keep it.
  if (tier === undefined || held.version === 0 || held.usableUntil <= ns.now()) return
  // What is untagged is kept without its tag clock; a clear empties memory, so it is newer than every one that was heard of.
  const entry = held.tags.length > 0 ? held : { ...held, tagClock: ns.tags.now }
  try {
    const item = encode(ns, key, entry)
    const write = { tier, prefix: ns.prefix, record: toRecord(ns, tier, item), entry: item.entry }
    if (ns.engine.writeBehind.offer(write)) ns.stats.demotions++
  } catch (error) {
    ns.engine.emitter.emit({ type: 'background-error', work: 'demotion', error })
  }
}
