import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { build } from './build.mjs'
import { capture, CommandFailed, npm, root, tool } from './command.mjs'
import { consumerLock } from './consumer-lock.mjs'

/**
 * Checks the package as its users get it: packs the tarball, looks at what it holds, and installs it in a folder
 * outside of the repository, where an ESM program, a CommonJS program and TypeScript use it.
 */

const library = 'packages/tierwise'
const commandLine = 'packages/cli'
const dashboard = 'packages/dashboard'

/** @typedef {{ path: string, size: number }} PackedFile */

/** @returns {Promise<string>} what was packed */
export async function checkPackage() {
  await build()
  return inTemporaryFolder(async (folder) => {
    const packed = await pack(library, folder)
    const program = await pack(commandLine, folder)
    const page = await pack(dashboard, folder)
    const tarball = join(folder, packed.filename)
    checkFiles(library, packed.files)
    checkFiles(commandLine, program.files)
    checkFiles(dashboard, page.files)
    for (const each of [packed, program, page])
      await tool('publint/src/cli.js', ['run', join(folder, each.filename), '--strict'])
    const esmOnly = ['--profile', 'esm-only', '--no-color', '--no-emoji']
    for (const each of [tarball, join(folder, page.filename)])
      await tool('@arethetypeswrong/cli/dist/index.js', [each, ...esmOnly])
    await installConsumers(folder, packed)
    await installBeside(folder, commandLine, program)
    await installBeside(folder, dashboard, page)
    await runConsumers(folder, process.execPath)
    await checkConsumerTypes(folder)
    return [packed, program, page].map(describe).join('; ')
  })
}

/** Runs the consumers of the packed package with another Node. @param {string} node its executable */
export async function runConsumersWith(node) {
  await inTemporaryFolder(async (folder) => {
    await installConsumers(folder, await pack(library, folder))
    for (const workspace of [commandLine, dashboard])
      await installBeside(folder, workspace, await pack(workspace, folder))
    await runConsumers(folder, node)
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

/** @typedef {{ name: string, filename: string, integrity: string, files: PackedFile[], unpackedSize: number }} Packed */

/** @param {string} workspace @param {string} folder @returns {Promise<Packed>} */
async function pack(workspace, folder) {
  const output = await npm(['pack', '--json', '--loglevel=error', '--pack-destination', folder], {
    cwd: join(root, workspace),
  })
  const [packed] = JSON.parse(output.slice(output.indexOf('[')))
  return packed
}

/** @param {Packed} packed */
function describe({ name, files, unpackedSize }) {
  return `${name}: ${files.length} files, ${Math.round(unpackedSize / 1024)} KiB unpacked`
}

/** @param {string} workspace @param {readonly PackedFile[]} files */
function checkFiles(workspace, files) {
  const paths = files.map(({ path }) => path)
  const faults = findPackagingFaults(paths, readJson(`${workspace}/package.json`))
  if (faults.length > 0) throw new CommandFailed(`The package of ${workspace} is wrong`, faults.join('\n'))
}

/**
 * What a package of these files does wrong, a sentence each.
 *
 * @typedef {Record<string, string | { types: string, default: string }>} Exports
 * @param {readonly string[]} paths
 * @param {{ exports: Exports, typesVersions?: unknown, bin?: Record<string, string> }} manifest
 */
export function findPackagingFaults(paths, { exports, typesVersions, bin = {} }) {
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? target : Object.values(target),
  )
  const wanted = ['README.md', 'LICENSE', ...[...targets, ...Object.values(bin)].map((path) => path.slice(2))]
  const compiled = paths.filter((path) => /^dist\/(?!page\/).*\.js$/.test(path))
  const faults = [
    ...wanted.filter((path) => paths.every((each) => !fits(each, path))).map((path) => `${path} is missing`),
    ...paths.filter((path) => !belongs(path)).map((path) => `${path} does not belong in it`),
    ...compiled.filter((path) => !paths.includes(sourceOf(path))).map((path) => `${path} has no source`),
  ]
  if (isDeepStrictEqual(typesVersions, typesVersionsOf(exports))) return faults
  return [...faults, `typesVersions should be ${JSON.stringify(typesVersionsOf(exports))}`]
}

/** A star in an export stands for any files below it. @param {string} path @param {string} wanted */
function fits(path, wanted) {
  const [start = '', end] = wanted.split('*')
  return end === undefined ? path === wanted : path.startsWith(start) && path.endsWith(end)
}

/** @param {string} path */
function belongs(path) {
  const isTest = /\.(test|test-d)\.[jt]s|(^|\/)test\//.test(path)
  return (
    !isTest &&
    /^((dist|src)\/.*\.(ts|js|map)|dist\/page\/[\w.-]+\.(html|css|svg)|schema\/[\w.-]+\.json|monitoring\/[\w./-]+\.(yml|json)|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(
      path,
    )
  )
}

/** @param {string} path */
function sourceOf(path) {
  return path.replace('dist/', 'src/').replace(/\.js$/, '.ts')
}

/** Where TypeScript finds the subpaths when it resolves modules as Node 10 did; undefined without any. @param {Exports} exports */
function typesVersionsOf(exports) {
  const subpaths = Object.entries(exports).flatMap(([subpath, target]) =>
    subpath === '.' || typeof target === 'string' ? [] : [[subpath.slice(2), [target.types]]],
  )
  return subpaths.length === 0 ? undefined : { '*': Object.fromEntries(subpaths) }
}

/** @param {string} folder @param {{ filename: string, integrity: string }} packed */
async function installConsumers(folder, { filename, integrity }) {
  const manifest = readJson('packages/tierwise/package.json')
  const { packages } = readJson('package-lock.json')
  const others = {
    lmdb: manifest.devDependencies.lmdb,
    // A subpath for a framework or an exporter is loaded with it.
    '@opentelemetry/api': manifest.devDependencies['@opentelemetry/api'],
    'prom-client': manifest.devDependencies['prom-client'],
    '@nestjs/common': manifest.devDependencies['@nestjs/common'],
    'reflect-metadata': manifest.devDependencies['reflect-metadata'],
    rxjs: manifest.devDependencies.rxjs,
    '@types/node': readJson('package.json').devDependencies['@types/node'],
  }
  const consumer = consumerLock(packages, { manifest, tarball: filename, integrity, others })
  cpSync(join(root, 'test/consumers'), folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify(consumer.manifest))
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(consumer.lock))
  await npm(['ci', '--offline', '--no-audit', '--no-fund'], { cwd: folder })
}

/**
 * Puts a package beside what is installed; of what it needs, the same versions as here.
 *
 * @param {string} folder
 * @param {string} workspace
 * @param {Packed} packed
 */
async function installBeside(folder, workspace, { name: ownName, filename }) {
  const place = join(folder, 'node_modules', ownName)
  mkdirSync(place, { recursive: true })
  await capture('tar', ['-xzf', join(folder, filename), '-C', place, '--strip-components=1'])
  const require = createRequire(join(root, workspace, 'package.json'))
  for (const name of Object.keys(readJson(`${workspace}/package.json`).dependencies)) {
    if (name === 'tierwise') continue
    const sources = (require.resolve.paths(name) ?? []).map((modules) => join(modules, name))
    const source = sources.find((each) => existsSync(each))
    if (source === undefined) throw new Error(`${workspace} needs ${name}, which is not installed`)
    cpSync(realpathSync(source), join(place, 'node_modules', name), { recursive: true })
  }
}

/** @param {string} path from the root of the repository */
function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}

/** What the environment of a developer may say of servers has nothing to do with the package. */
const noServers = { REDIS_URL: '', REDIS_HOST: '', DATABASE_URL: '', TIERWISE_CONFIG: '' }

/** @param {string} folder @param {string} node */
async function runConsumers(folder, node) {
  for (const program of ['every-subpath.mjs', 'esm.mjs', 'commonjs.cjs', 'dashboard.mjs']) {
    await capture(node, [program], { cwd: folder, timeoutMs: 30_000 })
  }
  const commandLineOf = join(folder, 'node_modules/@tierwise/cli/dist/main.js')
  for (const args of [['--version'], ['init', '--force'], ['config', 'check'], ['doctor']]) {
    await capture(node, [commandLineOf, ...args], { cwd: folder, env: noServers, timeoutMs: 30_000 })
  }
}

/** @param {string} folder */
async function checkConsumerTypes(folder) {
  await tool('typescript/bin/tsc', ['-p', folder, '--noEmit'], { cwd: folder })
}
