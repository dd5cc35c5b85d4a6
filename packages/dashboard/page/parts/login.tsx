import { useRef, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import type { Session } from '../../src/wire.ts'
import { login } from '../api.ts'
import { Mark } from './mark.tsx'

interface LoginProps {
  readonly session: Session
  readonly onDone: () => Promise<void>
}

export function Login({ session, onDone }: LoginProps): JSX.Element {
  return (
    <main class="alone">
      <div class="login panel">
        <h1>
          <Mark /> Cache
        </h1>
        {session.by === 'token' ? (
          <TokenForm onDone={onDone} />
        ) : (
          <p>
            The application decides who may look, and does not let you in. Sign in there, then load this page again.
          </p>
        )}
      </div>
    </main>
  )
}

function TokenForm({ onDone }: Pick<LoginProps, 'onDone'>): JSX.Element {
  const field = useRef<HTMLInputElement>(null)
  const [problem, setProblem] = useState('')
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    try {
      await login(field.current?.value ?? '')
      await onDone()
    } catch (error) {
      setProblem((error as Error).message)
      field.current?.focus()
    }
  }
  return (
    <form onSubmit={(event) => void submit(event)} class="stack">
      <p class="quiet">
        Enter the token of this dashboard. The process that serves it knows it: it is the option <code>token</code>, or
        the end of the address that was printed.
      </p>
      <label for="token">Token</label>
      <input
        id="token"
        ref={field}
        type="password"
        autocomplete="current-password"
        required
        aria-describedby="token-problem"
        aria-invalid={problem !== ''}
      />
      <p id="token-problem" role="alert" class="problem">
        {problem}
      </p>
      <button type="submit" class="primary">
        Sign in
      </button>
    </form>
  )
}
