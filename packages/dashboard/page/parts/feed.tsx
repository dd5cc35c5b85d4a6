import { useState } from 'preact/hooks'
import type { JSX } from 'preact'
import type { FeedItem } from '../../src/wire.ts'
import { clock, count } from '../format.ts'
import { Badge, Empty, Panel, Scroll } from './panel.tsx'

const shown = 80

export function FeedPanel({ feed }: { readonly feed: readonly FeedItem[] }): JSX.Element {
  const [isTroubleOnly, setTroubleOnly] = useState(false)
  const items = isTroubleOnly ? feed.filter(({ severity }) => severity !== 'info') : feed
  const filter = (
    <label class="check">
      <input type="checkbox" checked={isTroubleOnly} onChange={() => setTroubleOnly(!isTroubleOnly)} />
      trouble only
    </label>
  )
  return (
    <Panel title="What happened" id="feed" class="span-4" aside={filter}>
      {items.length === 0 ? <NoNews isTroubleOnly={isTroubleOnly} /> : <News items={items.slice(0, shown)} />}
    </Panel>
  )
}

function NoNews({ isTroubleOnly }: { readonly isTroubleOnly: boolean }): JSX.Element {
  if (isTroubleOnly) return <Empty>No trouble since somebody looks.</Empty>
  return (
    <Empty>
      Nothing yet. Breakers, leases, invalidations, the bus, broken rules and failing tiers are told here, from the
      moment somebody looks.
    </Empty>
  )
}

function News({ items }: { readonly items: readonly FeedItem[] }): JSX.Element {
  return (
    <Scroll label="What happened" class="tall">
      <ol class="feed">
        {items.map((item) => (
          <li key={`${item.id} ${item.at}`} class={item.severity}>
            <time>{clock(item.at)}</time>
            <Badge tone={item.severity}>{item.type}</Badge>
            <span class="feed-text">
              {item.text}
              {item.count > 1 ? <b> × {count(item.count)}</b> : null}
            </span>
          </li>
        ))}
      </ol>
    </Scroll>
  )
}
