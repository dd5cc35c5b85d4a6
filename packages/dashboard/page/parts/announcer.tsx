import type { JSX } from 'preact'
import type { LiveState } from '../live.ts'

/** Says to screen readers what changes seldom and matters; the numbers would be a flood. */
export function Announcer({ live }: { readonly live: LiveState }): JSX.Element {
  return (
    <p class="sr" role="status" id="announcer">
      {sentence(live)}
    </p>
  )
}

function sentence({ link, picture }: LiveState): string {
  if (link === 'lost') return 'The connection to the cache is lost.'
  if (picture === undefined) return ''
  const { status, tiers } = picture.health
  const ill = tiers.filter(({ healthy }) => !healthy).map(({ name }) => name)
  const firing = picture.alerts?.filter(({ state }) => state === 'firing').length ?? 0
  return [
    `The cache is ${status}.`,
    ...(ill.length > 0 ? [`Not well: ${ill.join(', ')}.`] : []),
    ...(firing > 0 ? [`${firing} ${firing === 1 ? 'alert fires' : 'alerts fire'}.`] : []),
  ].join(' ')
}
