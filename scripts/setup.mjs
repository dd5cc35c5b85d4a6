import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from './build.mjs'
import { CommandFailed, formatDuration, npm, root } from './command.mjs'
import { ensureSystemPackages } from './system-packages.mjs'

/**
 * Makes a clone ready to run with nothing but Node and npm: checks the version of Node, installs the dependencies of
 * the lock file and builds. Whatever is up to date is left alone, so it may run before every start.
 */
export async function setup() {
  await stage('node', checkNode)
  await stage('install', install)
  await stage('build', build)
}

/** What the tests need, and the programs they start; they build as a step of their own. */
export async function prepare() {
  await stage('node', checkNode)
  await stage('system', ensureSystemPackages)
  await stage('install', install)
}

function checkNode() {
  const { engines } = readJson('package.json')
  const oldest = engines.node.replace('>=', '')
  if (!isAtLeast(process.versions.node, oldest)) {
    throw new Error(`Node ${oldest} or newer is needed, this is ${process.versions.node}.`)
  }
  return process.versions.node
}

/** @param {string} version @param {string} oldest */
export function isAtLeast(version, oldest) {
  return version.localeCompare(oldest, 'en', { numeric: true }) >= 0
}

async function install() {
  const stamp = join(root, 'node_modules/.tierwise-setup')
  const wanted = `${hash(readFileSync(join(root, 'package-lock.json')))} ${process.platform} ${process.arch}\n`
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return 'up to date'
  rmSync(stamp, { force: true })
  const adopted = isInstalledByHand()
  if (!adopted) await npm(['ci', '--no-audit', '--no-fund'])
  writeFileSync(stamp, wanted)
  return adopted ? 'already done by hand' : 'npm ci'
}

/** An `npm install` done by hand counts when it left what the lock file says; npm notes that in a lock of its own. */
function isInstalledByHand() {
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false
  const installed = readJson('node_modules/.package-lock.json').packages
  return Object.entries(readJson('package-lock.json').packages).every(([path, { version, optional, link }]) => {
    if (!path.startsWith('node_modules/')) return true
    const found = installed[path]
    return found === undefined ? optional === true : found.version === version && found.link === link
  })
}

/**
 * @param {string} name
 * @param {() => string | void | Promise<string | void>} work gives a word about what it did, if there is one
 */
async function stage(name, work) {
  const start = performance.now()
  const done = await work()
  if (done === undefined) return
  console.log(`setup ${name.padEnd(8)} ${done.padEnd(12)} ${formatDuration(performance.now() - start)}`)
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}

/** @param {Buffer} bytes */
function hash(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Prints why the set-up failed, in one line where that says it all, and ends with code 1. @param {unknown} error */
export function reportSetupFailure(error) {
  if (error instanceof CommandFailed) console.error(error.output)
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await setup().catch(reportSetupFailure)
