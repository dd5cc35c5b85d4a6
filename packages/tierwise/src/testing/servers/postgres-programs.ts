import { existsSync, readdirSync } from 'node:fs'
import { findProgram, missingProgram, runProgram, searchPath, type SystemUser } from './program.ts'

/** Where Debian keeps the programs of each version; none of them is on PATH. */
const debianFolder = '/usr/lib/postgresql'

/** Paths of the programs of one PostgreSQL. */
export interface PostgresPrograms {
  readonly initdb: string
  readonly postgres: string
  readonly psql: string
}

/** Looks on PATH, then where `pg_config` says, then in the folders of Debian, the newest version first. */
export async function postgresPrograms(): Promise<PostgresPrograms> {
  for (const folders of [searchPath(), await configuredFolder(), ...debianFolders()]) {
    const [initdb, postgres, psql] = ['initdb', 'postgres', 'psql'].map((name) => findProgram([name], folders))
    if (initdb !== undefined && postgres !== undefined && psql !== undefined) return { initdb, postgres, psql }
  }
  throw missingProgram('postgres', 'postgresql')
}

/** The client alone, which talks to a server that somebody else runs. */
export async function psqlProgram(): Promise<string> {
  const found = findProgram(['psql'], [...searchPath(), ...(await configuredFolder()), ...debianFolders().flat()])
  if (found !== undefined) return found
  throw missingProgram('psql', 'postgresql-client')
}

/** The user for the server: PostgreSQL refuses to run as root. Undefined: the one of this process. */
export async function postgresUser(): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    const user = await systemUser(name)
    if (user) return user
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody to run it as')
}

async function systemUser(name: string): Promise<SystemUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([runProgram('id', ['-u', name]), runProgram('id', ['-g', name])])
    return { uid: Number(uid), gid: Number(gid) }
  } catch {
    return undefined
  }
}

async function configuredFolder(): Promise<readonly string[]> {
  const program = findProgram(['pg_config'])
  if (program === undefined) return []
  return [(await runProgram(program, ['--bindir'])).trim()]
}

function debianFolders(): readonly (readonly string[])[] {
  if (!existsSync(debianFolder)) return []
  const versions = readdirSync(debianFolder).toSorted((a, b) => Number(b) - Number(a))
  return versions.map((version) => [`${debianFolder}/${version}/bin`])
}
