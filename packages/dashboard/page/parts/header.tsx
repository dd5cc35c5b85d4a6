import type { JSX } from 'preact'
import type { WindowName } from 'tierwise'
import type { Session } from '../../src/wire.ts'
import { logout } from '../api.ts'
import { span } from '../format.ts'
import type { LiveState } from '../live.ts'
import { chooseTheme, type Theme } from '../theme.ts'
import { Mark } from './mark.tsx'
import { Badge, type Tone } from './panel.tsx'

interface HeaderProps {
  readonly live: LiveState
  readonly session: Session
  readonly window: WindowName
  readonly setWindow: (window: WindowName) => void
  readonly theme: Theme
  readonly setTheme: (theme: Theme) => void
  readonly onSignedOut: () => void
}

export function Header(props: HeaderProps): JSX.Element {
  const { live, session, theme, setTheme, onSignedOut } = props
  const other = theme === 'dark' ? 'light' : 'dark'
  const switchTheme = (): void => {
    chooseTheme(other)
    setTheme(other)
  }
  return (
    <header class="top">
      <h1>
        <Mark /> Cache
      </h1>
      <Status live={live} />
      <WindowSwitch {...props} />
      <div class="top-buttons">
        <button type="button" class="plain" onClick={switchTheme}>
          {other === 'light' ? 'Light' : 'Dark'}
          <span class="sr"> theme</span>
        </button>
        {session.by === 'token' ? (
          <button type="button" class="plain" onClick={() => void logout().then(onSignedOut)}>
            Sign out
          </button>
        ) : null}
      </div>
    </header>
  )
}

const tones: Readonly<Record<string, Tone>> = { up: 'good', degraded: 'warning', down: 'bad' }
const words: Readonly<Record<string, string>> = { up: 'Up', degraded: 'Degraded', down: 'Down' }

function Status({ live: { picture, link } }: Pick<HeaderProps, 'live'>): JSX.Element {
  if (link === 'lost') return <Badge tone="bad">Not connected</Badge>
  if (picture === undefined) return <Badge tone="quiet">Connecting</Badge>
  const { status, state } = picture.health
  return (
    <div class="status">
      <Badge tone={tones[status] ?? 'quiet'}>{state === 'stopped' ? 'Stopped' : words[status]}</Badge>
      <span class="quiet">
        process {picture.pid}, counting for {span(picture.at - picture.since)}
      </span>
    </div>
  )
}

const windows: readonly (readonly [WindowName, string])[] = [
  ['1m', 'minute'],
  ['15m', '15 minutes'],
  ['1h', 'hour'],
  ['24h', '24 hours'],
]

function WindowSwitch({ window, setWindow }: Pick<HeaderProps, 'window' | 'setWindow'>): JSX.Element {
  return (
    <fieldset class="switch">
      <legend class="sr">Look back on the last</legend>
      {windows.map(([name, words]) => (
        <label key={name}>
          <input type="radio" name="window" value={name} checked={name === window} onChange={() => setWindow(name)} />
          <span aria-hidden="true">{name}</span>
          <span class="sr">{words}</span>
        </label>
      ))}
    </fieldset>
  )
}
