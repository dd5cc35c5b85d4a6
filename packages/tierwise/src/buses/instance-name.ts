import { randomBytes } from 'node:crypto'

/** A name that no other instance has, also where the random numbers of a runtime are those of a test. */
export function instanceName(): string {
  return randomBytes(9).toString('base64url')
}
