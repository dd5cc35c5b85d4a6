import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { capture } from './command.mjs'

/**
 * A program that the tests start and npm cannot install.
 *
 * @typedef {{
 *   program: string, or?: string, folders?: () => readonly string[], debianPackage: string
 * }} Program `or` is as good, `folders` are looked at besides PATH
 */

/** @type {readonly Program[]} */
const programs = [
  { program: 'redis-server', or: 'valkey-server', debianPackage: 'redis-server' },
  { program: 'redis-cli', or: 'valkey-cli', debianPackage: 'redis-tools' },
  { program: 'openssl', debianPackage: 'openssl' },
  { program: 'postgres', folders: postgresFolders, debianPackage: 'postgresql' },
  { program: 'psql', folders: postgresFolders, debianPackage: 'postgresql-client' },
  { program: 'prometheus', debianPackage: 'prometheus' },
  { program: 'promtool', debianPackage: 'prometheus' },
  { program: 'chromium', debianPackage: 'chromium' },
]

/**
 * Installs missing programs where that needs no questions (root on Debian), else says in one line what to install.
 * The services that come with the packages listen on their usual ports, which no test uses.
 *
 * @param {{ wanted?: readonly Program[], isRoot?: boolean }} [options]
 */
export async function ensureSystemPackages({ wanted = programs, isRoot = process.getuid?.() === 0 } = {}) {
  const missing = [
    ...new Set(wanted.filter((program) => !isInstalled(program)).map(({ debianPackage }) => debianPackage)),
  ]
  if (missing.length === 0) return undefined
  if (!isRoot || !isInstalled({ program: 'apt-get', debianPackage: 'apt' })) {
    throw new Error(`These system packages are missing, install them first: ${missing.join(' ')}`)
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await capture('apt-get', ['update'], { env })
  await capture('apt-get', ['install', '--yes', '--no-install-recommends', ...missing], { env })
  return `installed ${missing.join(' ')}`
}

/** @param {Program} program */
function isInstalled({ program, or, folders = () => [] }) {
  const all = [...(process.env['PATH'] ?? '').split(delimiter), ...folders()]
  const names = or === undefined ? [program] : [program, or]
  return names.some((name) => all.some((folder) => folder !== '' && existsSync(join(folder, name))))
}

/** Debian keeps the programs of PostgreSQL out of PATH. */
function postgresFolders() {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, 'bin')) : []
  const { stdout, status } = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' })
  return status === 0 ? [...versions, stdout.trim()] : versions
}
