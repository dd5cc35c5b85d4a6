import { spawnSync } from 'node:child_process'
import { capture } from './command.mjs'

/**
 * Programs that the tests start and npm cannot install. Empty today: every native dependency ships its binary.
 *
 * @type {readonly { readonly program: string, readonly debianPackage: string }[]}
 */
const programs = []

/** Installs missing programs where that needs no questions (root on Debian), else says in one line what to install. */
export async function ensureSystemPackages() {
  const missing = programs.filter(({ program }) => !isInstalled(program)).map(({ debianPackage }) => debianPackage)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !isInstalled('apt-get')) {
    throw new Error(`These system packages are missing, install them first: ${missing.join(' ')}`)
  }
  await capture('apt-get', ['update'])
  await capture('apt-get', ['install', '--yes', '--no-install-recommends', ...missing])
}

/** @param {string} program */
function isInstalled(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
}
