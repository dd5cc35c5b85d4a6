import { digestOf, isSameDigest, macOf } from './secrets.ts'

/** The parts of a refresh token, which is `<id>.<shared><current>`. */
export interface SessionToken {
  /** Names the session. */
  readonly id: string
  /** What all tokens of the session have: who has it has had one of them. */
  readonly shared: string
  /** What only this token has. */
  readonly current: string
}

const secretLength = 43

export function formatToken({ id, shared, current }: SessionToken): string {
  return `${id}.${shared}${current}`
}

export function parseToken(token: unknown): SessionToken | undefined {
  const [, id, secret] = typeof token === 'string' ? (/^([\da-f]{32})\.([\w-]{86})$/.exec(token) ?? []) : []
  if (id === undefined || secret === undefined) return undefined
  return { id, shared: secret.slice(0, secretLength), current: secret.slice(secretLength) }
}

/** Whether a secret is the one of a digest. */
export function isSecretOf(digest: string, secret: string): boolean {
  return isSameDigest(digest, digestOf(secret))
}

/** What follows: only who has both the secret before and the salt can make it. */
export function successorOf(before: string, salt: string): string {
  return macOf(before, salt).toString('base64url')
}
