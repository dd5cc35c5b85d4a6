import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { capture, CommandFailed, root, tool } from './command.mjs'

/**
 * In build order: each target may import the ones before it.
 *
 * @type {readonly { folder: string, project: string, page?: { folder: string, script: string } }[]}
 */
const targets = [
  { folder: 'packages/tierwise', project: 'tsconfig.build.json' },
  { folder: 'packages/cli', project: 'tsconfig.build.json' },
  {
    folder: 'packages/dashboard',
    project: 'tsconfig.build.json',
    // Bundled by a script of the package, once its types are there.
    page: { folder: 'page', script: 'build-page.mjs' },
  },
  { folder: 'examples/factor-service', project: 'tsconfig.json' },
]

/**
 * Compiles what changed since the last build. Changes are told by content, not by time, because a checkout gives
 * every file the same age. The stamps lie in node_modules, so they never enter a published package.
 *
 * @returns {Promise<string>} the folders that were compiled
 */
export async function build() {
  const built = []
  let before = ''
  for (const { folder, project, page } of targets) {
    if (!existsSync(join(root, folder, project))) continue
    const wanted = (before = fingerprint(folder, { before, page }))
    if (isBuilt(folder, wanted)) continue
    rmSync(join(root, folder, 'dist'), { recursive: true, force: true })
    rmSync(stampOf(folder), { force: true })
    await tool('typescript/bin/tsc', ['-p', `${folder}/${project}`])
    if (page !== undefined) await capture(process.execPath, [join(root, folder, page.script)])
    writeFileSync(stampOf(folder), wanted)
    built.push(folder)
  }
  return built.join(', ') || 'up to date'
}

/** @param {string} folder @param {string} wanted */
function isBuilt(folder, wanted) {
  const stamp = stampOf(folder)
  return existsSync(join(root, folder, 'dist')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
}

/** @param {string} folder */
function stampOf(folder) {
  return join(root, 'node_modules', `.tierwise-build-${folder.replaceAll('/', '-')}`)
}

/**
 * Everything a build depends on.
 *
 * @param {string} folder
 * @param {{ before: string, page: { folder: string, script: string } | undefined }} more `before` is the fingerprint of the target before
 */
function fingerprint(folder, { before, page }) {
  const hash = createHash('sha256').update(before)
  const folders = ['src', ...(page === undefined ? [] : [page.folder])]
  const sources = folders.flatMap((name) => filesIn(join(root, folder, name)))
  if (page !== undefined) sources.push(join(root, folder, page.script), join(root, 'node_modules/vite/package.json'))
  const settings = readdirSync(join(root, folder)).filter((name) => /^(tsconfig.*|package)\.json$/.test(name))
  const inputs = [
    ...sources,
    ...settings.map((name) => join(root, folder, name)),
    join(root, 'tsconfig.json'),
    join(root, 'node_modules/typescript/package.json'),
  ]
  for (const path of inputs.toSorted()) hash.update(`${path.slice(root.length)}\0`).update(readFileSync(path))
  return hash.digest('hex')
}

/** @param {string} folder */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await build().then(
    (built) => console.log(`build: ${built}`),
    (error) => {
      console.error(error instanceof CommandFailed ? error.output : error)
      process.exitCode = 1
    },
  )
}
