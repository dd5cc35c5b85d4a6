import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './command.mjs'

/**
 * Adds to the lock file the native binaries for other platforms that npm left out.
 *
 * npm drops an optional package from the lock file when it cannot reach it, and then `npm ci` refuses that same lock
 * file on every machine. Their parents pin these packages to one version and their names tell the platform, so
 * nothing is guessed, except that an entry made here has no digest.
 *
 * @typedef {{ version?: string, cpu?: string[], dev?: boolean, libc?: string[], optional?: boolean, os?: string[],
 *   link?: boolean, integrity?: string, resolved?: string, dependencies?: Record<string, string>,
 *   optionalDependencies?: Record<string, string> }} LockEntry
 * @typedef {Record<string, LockEntry>} LockPackages
 */

/** The missing entries by their path. @param {LockPackages} packages @returns {LockPackages} */
export function missingBinaries(packages) {
  /** @type {LockPackages} */
  const missing = {}
  for (const [path, parent] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (packages[`${path}/node_modules/${name}`] ?? packages[`node_modules/${name}`]) continue
      const dev = parent.dev === true ? { dev: true } : {}
      missing[`node_modules/${name}`] = { version, ...dev, optional: true, ...platformOf(name, version) }
    }
  }
  return missing
}

/** @param {string} name @param {string} version */
function platformOf(name, version) {
  const tail = /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ia32|ppc64|riscv64|s390x)/.exec(name)
  if (!tail?.[1] || !tail[2] || !/^\d+\.\d+\.\d+$/.test(version)) {
    throw new Error(`${name}@${version} is missing from the lock file and is no binary of one platform`)
  }
  const libc = name.includes('musl') ? { libc: ['musl'] } : name.endsWith('-gnu') ? { libc: ['glibc'] } : {}
  return { cpu: [tail[2]], ...libc, os: [tail[1]] }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const path = join(root, 'package-lock.json')
  const lock = JSON.parse(readFileSync(path, 'utf8'))
  const missing = missingBinaries(lock.packages)
  const count = Object.keys(missing).length
  const all = Object.entries({ ...lock.packages, ...missing }).toSorted(([a], [b]) => a.localeCompare(b, 'en'))
  lock.packages = Object.fromEntries(all)
  if (count > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`added ${count} binaries to package-lock.json`)
}
