import type { CacheEventOf, CacheEventType, CacheManager } from 'tierwise'
import type { FeedItem } from '../wire.ts'
import { errorText, shorten } from './text.ts'

/** What is told of an event. Events that say the same within an interval become one item with a count. */
type Telling = Pick<FeedItem, 'severity' | 'text'> & {
  /** What makes it one of a kind. @default the text */
  readonly kind?: string
}

type Tellers = { readonly [T in CacheEventType]?: (event: CacheEventOf<T>) => Telling | undefined }

const kindsInInterval = 50
const remembered = 100

/** Everything but what happens with each read and write. */
const tellers: Tellers = {
  breaker: ({ tier, kind, state, reason }) => ({
    severity: state === 'open' ? 'bad' : state === 'half-open' ? 'warning' : 'good',
    text: {
      open: `${tier}: ${kind} breaker opened (${reason}); the tier is left alone for a while`,
      'half-open': `${tier}: ${kind} breaker is half-open; a probe is let through`,
      closed: `${tier}: ${kind} breaker closed; the tier is used again`,
    }[state],
  }),
  lease: ({ namespace, answer }) => ({
    severity: answer === 'unproved' ? 'warning' : 'info',
    text: `${namespace}: leases to load, answered ${answer}`,
  }),
  invalidate: ({ namespace, scope, targets, count }) => ({
    severity: 'info',
    text: `${namespace}: invalidated ${scope}${targetsText(targets)}${count > 0 ? `, ${count} held` : ''}`,
    // Thousands a second are possible; the first of them is the example.
    kind: `${namespace} ${scope}`,
  }),
  bus: ({ tier, state, lane }) => ({
    severity: state === 'lost' ? 'bad' : 'good',
    text:
      state === 'lost'
        ? `${tier ?? 'bus'}: lane ${lane} lost; changes may have been missed, so memory is not trusted`
        : `${tier ?? 'bus'}: lane ${lane} confirmed; everything is heard again`,
  }),
  'policy-violation': ({ namespace, rule, outcome }) => ({
    severity: 'warning',
    text: `${namespace}: rule ${rule} was broken; ${outcome}`,
  }),
  'tier-error': ({ tier, operation, error }) => ({
    severity: 'bad',
    text: `${tier}: ${operation} failed: ${errorText(error)}`,
  }),
  intent: ({ tier, state }) => ({
    severity: state === 'replayed' ? 'good' : 'warning',
    text: {
      kept: `${tier}: invalidations are kept until the tier can take them`,
      replayed: `${tier}: kept invalidations have reached the tier`,
      overflowed: `${tier}: too many kept invalidations; they became a clear`,
    }[state],
  }),
  'bad-record': ({ tier, reason }) => ({ severity: 'warning', text: `${tier}: a record is unusable (${reason})` }),
  'tier-notice': ({ tier, notice, detail }) => ({
    severity: 'warning',
    text: `${tier}: ${shorten(`${notice}: ${detail}`)}`,
  }),
  lifecycle: ({ state }) => ({
    severity: state === 'stopped' ? 'warning' : 'info',
    text: `The cache has ${stateWords[state]}`,
  }),
  'background-error': ({ work, error }) => ({
    severity: 'bad',
    text: `Background work failed (${work}): ${errorText(error)}`,
  }),
}

const stateWords: Readonly<Record<string, string>> = {
  starting: 'begun to start',
  started: 'started',
  stopping: 'begun to stop',
  stopped: 'stopped',
}

/** What happens, in batches of one interval and of bounded size. */
export class Feed {
  readonly #now: () => number
  readonly #pending = new Map<string, FeedItem>()
  #left = 0
  #nextId = 1
  #frequent: readonly FeedItem[] = []
  #rare: readonly FeedItem[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  /** The latest, oldest first. */
  get items(): readonly FeedItem[] {
    return [...this.#frequent, ...this.#rare].sort((a, b) => a.id - b.id)
  }

  /** Returns the function that stops it. */
  listen(manager: CacheManager): () => void {
    const types = Object.keys(tellers) as (keyof typeof tellers)[]
    const stops = types.map((type) => this.#listenTo(manager, type))
    return () => stops.forEach((stop) => stop())
  }

  /** What happened since it was called last. */
  flush(): readonly FeedItem[] {
    const batch = [...this.#pending.values()]
    if (this.#left > 0) {
      const text = 'Events of other kinds, too many to tell in one interval'
      batch.push({ id: this.#nextId++, at: this.#now(), type: 'more', severity: 'info', text, count: this.#left })
    }
    this.#pending.clear()
    this.#left = 0
    // What is told all the time must not push out what happens once a week.
    const isFrequent = ({ severity }: FeedItem): boolean => severity === 'info'
    this.#frequent = [...this.#frequent, ...batch.filter(isFrequent)].slice(-remembered)
    this.#rare = [...this.#rare, ...batch.filter((item) => !isFrequent(item))].slice(-remembered)
    return batch
  }

  #listenTo<T extends CacheEventType>(manager: CacheManager, type: T): () => void {
    const tell = tellers[type] as (event: CacheEventOf<T>) => Telling | undefined
    return manager.on(type, (event) => {
      const telling = tell(event)
      if (telling !== undefined) this.#add(type, telling)
    })
  }

  #add(type: string, { severity, text, kind = text }: Telling): void {
    const name = `${type} ${kind}`
    const known = this.#pending.get(name)
    if (known !== undefined) this.#pending.set(name, { ...known, count: known.count + 1 })
    else if (this.#pending.size >= kindsInInterval) this.#left++
    else this.#pending.set(name, { id: this.#nextId++, at: this.#now(), type, severity, text, count: 1 })
  }
}

function targetsText(targets: readonly string[]): string {
  if (targets.length === 0) return ''
  const shown = targets.slice(0, 3).map((target) => shorten(target, 80))
  return ` ${shown.join(', ')}${targets.length > 3 ? ` and ${targets.length - 3} more` : ''}`
}
