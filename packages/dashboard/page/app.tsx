import { useCallback, useEffect, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import type { Session } from '../src/wire.ts'
import { login, readSession } from './api.ts'
import { Board } from './board.tsx'
import { Login } from './parts/login.tsx'

/** The session comes first: without one there is nothing to show but a place for the token. */
export function App(): JSX.Element {
  const [session, setSession] = useState<Session | undefined>()
  const [trouble, setTrouble] = useState('')
  const refresh = useCallback(
    () => readSession().then(setSession, (error: Error) => setTrouble(error.message)),
    [setSession, setTrouble],
  )
  useEffect(() => void signInWithFragment().then(refresh), [refresh])
  if (session === undefined)
    return <main class="alone">{trouble === '' ? <p class="quiet">Opening …</p> : <p role="alert">{trouble}</p>}</main>
  if (!session.authorized) return <Login session={session} onDone={refresh} />
  return <Board session={session} onSignedOut={() => void refresh()} />
}

/** A fragment is sent to no server and stays out of its logs; it is taken out of the address too. */
async function signInWithFragment(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token === null) return
  history.replaceState(null, '', location.pathname)
  // A wrong one leads to the form.
  await login(token).catch(() => {})
}
