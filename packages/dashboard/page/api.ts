import type {
  Failure,
  InspectAnswer,
  InspectRequest,
  InvalidateAnswer,
  InvalidateRequest,
  Session,
} from '../src/wire.ts'

export function readSession(): Promise<Session> {
  return ask<Session>('session')
}

export async function login(token: string): Promise<void> {
  await ask('login', { token })
}

export async function logout(): Promise<void> {
  await ask('logout', {})
}

export function inspectKey(request: InspectRequest): Promise<InspectAnswer> {
  return ask<InspectAnswer>('inspect', request)
}

export function invalidate(request: InvalidateRequest): Promise<InvalidateAnswer> {
  return ask<InvalidateAnswer>('invalidate', request)
}

async function ask<T>(name: string, body?: object): Promise<T> {
  const response = await send(name, body)
  const answer = (await response.json().catch(() => ({ error: response.statusText }))) as T & Partial<Failure>
  if (!response.ok) throw new Error(answer.error ?? `It answered ${response.status}.`)
  return answer
}

function send(name: string, body: object | undefined): Promise<Response> {
  const init =
    body === undefined
      ? {}
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-tierwise-dashboard': '1' },
          body: JSON.stringify(body),
        }
  return fetch(`api/${name}`, { ...init, credentials: 'same-origin', cache: 'no-store' }).catch(() => {
    throw new Error('The server cannot be reached.')
  })
}
