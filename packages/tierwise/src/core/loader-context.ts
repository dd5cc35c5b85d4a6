import type { LoaderContext } from '../contract/loader.ts'
import type { Lifetime } from '../contract/options.ts'
import { LoaderError } from '../errors.ts'
import type { Flight } from './flight.ts'
import { isolateOut } from './isolation.ts'
import type { Namespace } from './namespace.ts'
import { admitTtl } from './govern.ts'
import { readTtl, sourceVersion } from './policy.ts'
import type { Policy } from './policy.ts'
import { refuseTags } from './raw/raw-policy.ts'
import { texts } from '../base/option-reader.ts'

/** What the loader asked for while it ran. */
export interface LoadWishes {
  policy: Policy
  tags: readonly string[] | undefined
  skip: boolean
  notModified: boolean
  sourceVersion: number | undefined
}

/** The context of one run of a loader, and where its wishes are written down. */
export function loaderContext(ns: Namespace, flight: Flight): { context: LoaderContext<unknown>; wishes: LoadWishes } {
  const wishes: LoadWishes = {
    policy: flight.policy,
    tags: undefined,
    skip: false,
    notModified: false,
    sourceVersion: undefined,
  }
  const { previous } = flight
  const context: LoaderContext<unknown> = {
    key: flight.key,
    get signal() {
      return flight.signal
    },
    previous: previous && {
      value: isolateOut(previous.value, ns.policy.isolation),
      ageMs: ns.now() - previous.createdAt,
    },
    minSourceVersion: flight.minSourceVersion,
    setTtl: (ttl: Lifetime) => {
      wishes.policy = admitTtl(ns, { operation: 'setTtl', key: flight.key, policy: wishes.policy }, readTtl(ttl))
    },
    setTags: (tags) => {
      if (ns.isRaw) refuseTags(ns.name)
      wishes.tags = [...new Set([...(wishes.tags ?? flight.policy.tags), ...texts(tags, 'tags')])]
    },
    setSourceVersion: (version) => {
      wishes.sourceVersion = sourceVersion(version, 'sourceVersion')
    },
    skip: () => {
      wishes.skip = true
    },
    notModified: () => {
      if (previous === undefined) throw nothingToRenew(ns, flight)
      wishes.notModified = true
      return previous.value
    },
  }
  return { context, wishes }
}

function nothingToRenew(ns: Namespace, flight: Flight): LoaderError {
  return new LoaderError('`notModified()` renews the previous value, and there is none. Check `previous` first.', {
    code: 'ERR_CACHE_LOADER',
    operation: 'notModified',
    namespace: ns.name,
    key: flight.key,
  })
}
