import type { JSX } from 'preact'
import type { FeedItem } from '../../src/wire.ts'
import { clock, count } from '../format.ts'
import { Badge, Empty, Panel, Scroll } from './panel.tsx'

const shown = 80

export function FeedPanel({ feed }: { readonly feed: readonly FeedItem[] }): JSX.Element {
  return (
    <Panel title="What happened" id="feed" class="span-4" aside={<span>latest first</span>}>
      {feed.length === 0 ? (
        <Empty>
          Nothing yet. Breakers, leases, invalidations, the bus, broken rules and failing tiers are told here, from the
          moment somebody looks.
        </Empty>
      ) : (
        <Scroll label="What happened" class="tall">
          <ol class="feed">
            {feed.slice(0, shown).map((item) => (
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
      )}
    </Panel>
  )
}
