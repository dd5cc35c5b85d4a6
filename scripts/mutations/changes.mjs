/**
 * What is done to the lines of the protocol that are not simply removed, by the name of their mark: most of them are one
 * condition of several, or a number whose removal would not even parse.
 *
 * @type {Readonly<Record<string, import('./marks.mjs').Change>>}
 */
export const changes = {
  // What may be served.
  'serve-proved': ['this.#isProved(storageKey, now)', 'true'],
  'local-floor': ['version >= this.#parts.floorOf(storageKey) && ', ''],
  'tags-proved': ['now < this.#parts.proofs.ofTags + this.#parts.maxStalenessMs', 'true'],
  'provisional-life': ['readAt + this.#parts.maxStalenessMs', 'Infinity'],
  'proof-of-tags': [', this.ofTags', ''],
  'oldest-proof': ['Math.min(oldest, this.#of(lane))', 'Math.max(lane === 0 ? -Infinity : oldest, this.#of(lane))'],
  'hit-proved': ['now < this.servableUntil && ', ''],
  'memory-after': ['policy.after === 0', 'true'],
  'memory-version': ['held.version < policy.after || ', ''],
  'read-tags': ['ns.sharing.knowsTags(ns.now())', 'true'],
  'read-after': ['entry.version < policy.after || ', ''],
  'read-marks': [' || !ns.tags.accepts(entry)', ''],
  'local-proved': ['sharing.mayServeLocal(prefix + ticket.key, entry.version, now)', 'true'],
  'lost-meanwhile': ['losses === this.#lossesOf(lane) && ', ''],
  'tags-asked': ['!this.#areTagsKnown', 'false'],
  'loss-unproves': ['this.proofs.lose(lane)', 'true'],

  // What may be stored.
  'ticket-allows': ['version >= this.#newestChange', 'true'],
  'ticket-untouched': ['this.#newestChange === 0', 'true'],
  'flight-detached': ['this.#byKey.get(flight.key) === flight', 'true'],
  'reply-allowed': ['!(isSource ? ticket.untouched : ticket.allows(best.entry.version))', 'false'],
  'local-stays': ['sharing !== undefined', 'false'],
  'fill-changed': ['ticket?.allows(Number.MAX_VALUE) !== true || ', ''],
  'fill-reply': ['ticket.allows(answer.version) && ', ''],
  'fill-newest': ['held.version < answer.version', 'true'],
  'provisional-detached': [' || !ns.flights.mayStore(flight)', ''],
  'provisional-version': ['version: 0', 'version: ns.engine.versions.nextVersion()'],
  'write-reply': ['ticket.allows(version) && ', ''],
  'overtaken-below': [' && each.isLatest()', ''],
  'fill-overtaken': ['ticket.allows(Number.MAX_VALUE)', 'true'],
  'unsure-below': ['await leaveOut(ns, tier, unsure)', '[]'],
  'refused-write': ['isOurs && ', ''],
  'copy-confirmed': ['!isConfirmedAbove(ns, source)', 'true'],
  'copy-reply': ['tickets.get(key)!.allows(entry.version)', 'true'],
  'copy-version': ['source.capabilities.readOnly === true ? undefined : entry.version', 'undefined'],
  'tag-clock': ['tagClock, loadMs', 'tagClock: ns.tags.now, loadMs'],
  'read-at': ['readAt, sourceVersion', 'readAt: ns.now(), sourceVersion'],

  'tag-clock-own': ['tiers.length > 0 && ', 'false && '],

  // What is owed.
  'owed-order': ['this.#isOwed(change.key) ? { ...change, isDoubtful: true } : change', 'change'],
  'replay-order': ['isDoubtful: true', 'isDoubtful: false'],
  'owed-since': [' || this.#keys.get(owed.key) !== owed', ''],
  'owed-newer': [' || kept.version > version', ''],
  'replay-again': ['if (this.#keys.get(owed.key) === owed) ', ''],

  // Fences and holds.
  'hold-nested': ['holdMs === 0 && ns.tickets.holdsOf(key) > 1', 'false'],
  'fence-repeat': ['flight.isRepeat || !(mayHelp || isBehind(flight, sourceVersion))', 'true'],

  // The scripts of the authority.
  'rewrite-no-change': ["ifVersion and '\\\\2' or ", ''],
  'beside-life': ["redis.call('PTTL', beside) < lifeMs", 'true'],
  'changed-at': ['math.max(version, transient.version)', 'version'],
  'version-rises': ['math.max(version or -1, transient.version, newest)', 'newest'],
  'version-unique': [', newest', ''],
  cold: ['born + coldMs * 1000', '0'],
  'fence-told': ["guards.fence and string.format('%.17g', guards.fence) or ''", "''"],
  tombstone: ["put(name, ARGV[6], headWith('\\\\1', version))", "redis.call('UNLINK', name)"],
  'hold-longest': ['math.max(guards.holds[ARGV[3]] or 0, now + holdMs * 1000)', 'now + holdMs * 1000'],
  'hold-own': [
    'guards.holds[ARGV[3]] = holdMs > 0 and own or nil',
    'guards.holds = { [ARGV[3]] = holdMs > 0 and own or nil }',
  ],
  'fence-highest': ['math.max(fence, guards.fence or fence)', 'fence'],
  'lease-connection': ['lease.startsWith(`${connection}.`)', 'lease.length > 0'],
  'look-back-acts': ['changedAt(kind, version, transient) >= made', 'true'],
  'tag-clock-new': ['startingAt(least)', 'math.max(1, least)'],

  // The bus.
  'head-behind': ['isBehind', 'head === undefined'],
  'asked-at': ['asked.instant', 'this.#parts.runtime.clock.now()'],
  'log-asked-at': ['confirmed(instant)', 'confirmed(runtime.clock.now())'],
  'log-short': ["'lost'", "'current'"],
  'log-hole': ["message.sequence === from.sequence + 1 ? 'diverged' : 'lost'", 'undefined'],
  'resync-again': ['void (this.#isWantedAgain = true)', 'undefined'],
  contradiction: ["this.#contradicts(message) ? 'gap' : 'known'", "'known'"],
  'id-reached': ['?.id === point.id', ' !== undefined'],
  flushed: ['this.#loseAll()', 'undefined'],
  'member-known': [' || instant - this.#memberSentAt > this.#options.intervalMs', ''],
  'tracking-proved': ['Math.min(instant, this.#trackedUntil)', 'instant'],
  'member-first': ['await Promise.all', 'void Promise.all'],
  'member-sent': ['sentAt', 'runtime.clock.now()'],
  'member-applied': ['>= sequence', '>= -1'],
  'member-lapsed': ['member.ageMs > member.lapseMs', 'member.ageMs >= 0'],
}
