import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const hashOf = promisify<string, Buffer, number, Buffer>(scrypt)

/** Who may log in. A real service has them in a database. */
export interface Users {
  /** One slow hash, whether or not there is such a user. */
  has(name: string, password: string): Promise<boolean>
}

/** @param passwords by name */
export async function createUsers(passwords: Readonly<Record<string, string>>): Promise<Users> {
  const salt = randomBytes(16)
  const entries = Object.entries(passwords).map(
    async ([name, password]) => [name, await hashOf(password, salt, 32)] as const,
  )
  const hashes = new Map(await Promise.all(entries))
  const nobody = randomBytes(32)
  return {
    async has(name, password) {
      return timingSafeEqual(await hashOf(password, salt, 32), hashes.get(name) ?? nobody)
    },
  }
}
