import { useEffect, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import { span } from '../format.ts'
import type { LiveState } from '../live.ts'

/** What makes all else on the page doubtful. */
export function Banner({ live }: { readonly live: LiveState }): JSX.Element | null {
  const { link, picture, trouble, receivedAt } = live
  if (link === 'lost')
    return (
      <div class="banner bad" id="banner">
        <b>Not connected.</b> {receivedAt === 0 ? '' : <Age since={receivedAt} />} Trying again …
      </div>
    )
  if (trouble !== undefined)
    return (
      <div class="banner bad" id="banner">
        <b>The cache does not say how it is:</b> {trouble}
      </div>
    )
  if (picture?.health.state !== 'stopped') return null
  return (
    <div class="banner bad" id="banner">
      <b>The cache has been stopped.</b> What you see is what it counted until then.
    </div>
  )
}

function Age({ since }: { readonly since: number }): JSX.Element {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return <span>What you see is {span(now - since)} old.</span>
}
