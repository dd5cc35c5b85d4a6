import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { build } from './build.mjs'
import { capture, npm, root, tool } from './command.mjs'

/**
 * Checks the package as its users get it: packs the tarball, looks at what it holds, and installs it in a folder
 * outside of the repository, where an ESM program, a CommonJS program and TypeScript use it.
 */

const library = join(root, 'packages/tierwise')

/** @typedef {{ path: string, size: number }} PackedFile */

/** @returns {Promise<string>} what was packed */
export async function checkPackage() {
  await build()
  return inTemporaryFolder(async (folder) => {
    const { tarball, files, unpackedSize } = await pack(folder)
    checkFiles(files)
    await tool('publint/src/cli.js', ['run', tarball, '--strict'])
    await tool('@arethetypeswrong/cli/dist/index.js', [tarball, '--profile', 'esm-only', '--no-color', '--no-emoji'])
    await installConsumers(folder, tarball)
    await runConsumers(folder, process.execPath)
    await checkConsumerTypes(folder)
    return `${files.length} files, ${Math.round(unpackedSize / 1024)} KiB unpacked`
  })
}

/** Runs the programs of test/consumers against the packed package with other versions of Node. */
export async function runConsumersWith(/** @type {readonly string[]} */ executables) {
  await build()
  return inTemporaryFolder(async (folder) => {
    const { tarball } = await pack(folder)
    await installConsumers(folder, tarball)
    for (const node of executables) await runConsumers(folder, node)
  })
}

/** @template T @param {(folder: string) => Promise<T>} work */
async function inTemporaryFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'tierwise-package-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string} folder @returns {Promise<{ tarball: string, files: PackedFile[], unpackedSize: number }>} */
async function pack(folder) {
  const output = await npm(['pack', '--json', '--loglevel=error', '--pack-destination', folder], { cwd: library })
  const [packed] = JSON.parse(output.slice(output.indexOf('[')))
  return { ...packed, tarball: join(folder, packed.filename) }
}

/** @param {readonly PackedFile[]} files */
function checkFiles(files) {
  const paths = files.map(({ path }) => path)
  const manifest = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'))
  for (const complaint of findPackagingFaults(paths, manifest)) throw new Error(`The package is wrong: ${complaint}`)
}

/**
 * What a package of these files does wrong, a sentence each.
 *
 * @typedef {Record<string, string | { types: string, default: string }>} Exports
 * @param {readonly string[]} paths
 * @param {{ exports: Exports, typesVersions?: unknown }} manifest
 */
export function findPackagingFaults(paths, { exports, typesVersions }) {
  const targets = Object.values(exports).flatMap((target) => (typeof target === 'string' ? target : Object.values(target)))
  const wanted = ['README.md', 'LICENSE', ...targets.map((path) => path.slice(2))]
  const compiled = paths.filter((path) => path.startsWith('dist/') && path.endsWith('.js'))
  const faults = [
    ...wanted.filter((path) => !paths.includes(path)).map((path) => `${path} is missing`),
    ...paths.filter((path) => !belongs(path)).map((path) => `${path} does not belong in it`),
    ...compiled.filter((path) => !paths.includes(sourceOf(path))).map((path) => `${path} has no source`),
  ]
  if (isDeepStrictEqual(typesVersions, typesVersionsOf(exports))) return faults
  return [...faults, `typesVersions should be ${JSON.stringify(typesVersionsOf(exports))}`]
}

/** @param {string} path */
function belongs(path) {
  const isTest = /\.(test|test-d)\.|(^|\/)test\//.test(path)
  return !isTest && /^((dist|src)\/.*\.(ts|js|map)|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path)
}

/** @param {string} path */
function sourceOf(path) {
  return path.replace('dist/', 'src/').replace(/\.js$/, '.ts')
}

/** Where TypeScript finds the subpaths when it resolves modules as Node 10 did. @param {Exports} exports */
function typesVersionsOf(exports) {
  const subpaths = Object.entries(exports).flatMap(([subpath, target]) =>
    subpath === '.' || typeof target === 'string' ? [] : [[subpath.slice(2), [target.types]]],
  )
  return { '*': Object.fromEntries(subpaths) }
}

/** @param {string} folder @param {string} tarball */
async function installConsumers(folder, tarball) {
  cpSync(join(root, 'test/consumers'), folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }))
  const { devDependencies } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'))
  const types = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies['@types/node']
  const packages = [tarball, `lmdb@${devDependencies.lmdb}`, `@types/node@${types}`]
  // The set-up has left all of it in npm's own cache, so this needs no network.
  await npm(['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], { cwd: folder })
}

/** @param {string} folder @param {string} node */
async function runConsumers(folder, node) {
  for (const program of ['every-subpath.mjs', 'esm.mjs', 'commonjs.cjs']) {
    await capture(node, [program], { cwd: folder, timeoutMs: 30_000 })
  }
}

/** @param {string} folder */
async function checkConsumerTypes(folder) {
  await tool('typescript/bin/tsc', ['-p', folder, '--noEmit'], { cwd: folder })
}
