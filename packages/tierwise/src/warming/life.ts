import type { LoadOptions } from '../contract/options.ts'

/** How what is loaded lives, where that is said. */
export type LoadLife = Pick<LoadOptions, 'ttl' | 'tags'>

export function lifeOf({ ttl, tags }: LoadLife): LoadLife {
  return { ...(ttl === undefined ? {} : { ttl }), ...(tags === undefined ? {} : { tags }) }
}
