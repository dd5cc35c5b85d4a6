import { useCallback, useEffect, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import type { WindowName } from 'tierwise'
import type { Picture, Session } from '../src/wire.ts'
import { useLive, type LiveState } from './live.ts'
import { Alerts } from './parts/alerts.tsx'
import { Announcer } from './parts/announcer.tsx'
import { Banner } from './parts/banner.tsx'
import { Chain } from './parts/chain.tsx'
import { Consistency } from './parts/consistency.tsx'
import { FeedPanel } from './parts/feed.tsx'
import { Figures } from './parts/figures.tsx'
import { Header } from './parts/header.tsx'
import { Families, HotKeys } from './parts/keys.tsx'
import { Lookup, type Looked } from './parts/lookup.tsx'
import { Namespaces } from './parts/namespaces.tsx'
import { Panel } from './parts/panel.tsx'
import { LatencyPlot, ReadsPlot } from './parts/plots.tsx'
import { Recommendations } from './parts/recommendations.tsx'
import { TierTable } from './parts/tier-table.tsx'
import { currentTheme, followSystem, type Theme } from './theme.ts'

interface BoardProps {
  readonly session: Session
  readonly onSignedOut: () => void
}

export function Board({ session, onSignedOut }: BoardProps): JSX.Element {
  const live = useLive(onSignedOut)
  const [window, setWindow] = useState<WindowName>('15m')
  const [theme, setTheme] = useState<Theme>(currentTheme)
  useEffect(() => followSystem(setTheme), [])
  const { picture, link } = live
  useEffect(() => {
    document.title = picture === undefined ? 'Cache' : `${statusWord(live)} – cache`
  }, [picture, live])
  return (
    <div class={link === 'lost' ? 'board is-old' : 'board'}>
      <Header {...{ live, session, window, setWindow, theme, setTheme, onSignedOut }} />
      <Banner live={live} />
      <Announcer live={live} />
      <main>
        {picture === undefined ? (
          <p class="quiet alone">Waiting for the first picture …</p>
        ) : (
          <Parts {...{ live, picture, session, window, theme }} />
        )}
      </main>
    </div>
  )
}

function statusWord({ link, picture }: LiveState): string {
  return link === 'lost' ? 'Not connected' : (picture?.health.status ?? 'unknown')
}

interface PartsProps {
  readonly live: LiveState
  readonly picture: Picture
  readonly session: Session
  readonly window: WindowName
  readonly theme: Theme
}

function Parts({ live, picture, session, window, theme }: PartsProps): JSX.Element {
  const [looked, setLooked] = useState<Looked | undefined>()
  const lookUp = useCallback((namespace: string, key: string) => {
    setLooked((before) => ({ namespace, key, times: (before?.times ?? 0) + 1 }))
  }, [])
  const plot = { points: live.points, picture, window, theme }
  return (
    <div class="grid">
      <Figures picture={picture} window={window} points={live.points} />
      {picture.alerts === undefined ? null : <Alerts alerts={picture.alerts} />}
      <Chain picture={picture} points={live.points} />
      <ReadsPlot {...plot} />
      <LatencyPlot {...plot} />
      <Namespaces picture={picture} window={window} session={session} />
      <FeedPanel feed={live.feed} />
      <TierTable picture={picture} />
      <Lookup picture={picture} session={session} looked={looked} />
      <Consistency picture={picture} />
      <HotKeys picture={picture} onLookUp={lookUp} />
      <Families picture={picture} />
      <Panel title="Recommendations" class="span-12" id="recommendations">
        <Recommendations picture={picture} />
      </Panel>
    </div>
  )
}
