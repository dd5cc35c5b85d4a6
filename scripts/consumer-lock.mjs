/**
 * Writes the lock file of a project that uses the packed package, from the lock file of this repository: its
 * dependencies then come from npm's own cache by their digests, so the consumers install without a network and with
 * the versions that everything else is tested with.
 *
 * @typedef {import('./complete-lock.mjs').LockPackages} LockPackages
 * @typedef {import('./complete-lock.mjs').LockEntry} LockEntry
 * @typedef {{ name: string, version: string, dependencies?: Record<string, string>,
 *   peerDependencies?: Record<string, string>, peerDependenciesMeta?: Record<string, unknown> }} Manifest
 *
 * @param {LockPackages} packages of the repository
 * @param {{ manifest: Manifest, tarball: string, integrity: string, others: Record<string, string> }} consumer
 *   `tarball` is relative to the project, `others` what the project uses besides
 */
export function consumerLock(packages, { manifest, tarball, integrity, others }) {
  const { name, version, dependencies = {}, peerDependencies, peerDependenciesMeta } = manifest
  const resolved = `file:${tarball}`
  const rest = closure(packages, [...Object.keys(dependencies), ...Object.keys(others)])
  const root = { dependencies: { [name]: resolved, ...others } }
  const own = { version, resolved, integrity, dependencies, peerDependencies, peerDependenciesMeta }
  return {
    manifest: { private: true, ...root },
    lock: { lockfileVersion: 3, requires: true, packages: { '': root, [`node_modules/${name}`]: own, ...rest } },
  }
}

/** The entries of these packages and of all that they need, where they lie. @param {LockPackages} packages */
function closure(packages, /** @type {readonly string[]} */ names) {
  /** @type {LockPackages} */
  const found = {}
  const open = names.map((name) => ({ from: '', name }))
  for (const { from, name } of open) {
    const path = resolve(packages, from, name)
    const entry = path === undefined ? undefined : packages[path]
    if (path === undefined || entry === undefined || path in found) continue
    const { dev: _, ...rest } = entry
    found[path] = rest
    const wanted = { ...entry.dependencies, ...entry.optionalDependencies }
    open.push(...Object.keys(wanted).map((next) => ({ from: path, name: next })))
  }
  return found
}

/** Looks for a package as Node does, from a folder upwards. @param {LockPackages} packages */
function resolve(packages, /** @type {string} */ from, /** @type {string} */ name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    if (path in packages) return path
    if (folder === '') return undefined
  }
}
