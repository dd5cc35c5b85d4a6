import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { checkPackage } from './check-package.mjs'
import { CommandFailed, npm, root, tool } from './command.mjs'
import { checkDocSnippets } from './doc-snippets.mjs'
import { runVitest } from './vitest.mjs'

/**
 * One part of the test run. It succeeds unless it rejects; `tests` is how many tests ran in it.
 *
 * @typedef {{ tests?: number, note?: string }} StepResult
 * @typedef {{ name: string, what: string, run(): Promise<StepResult | void> }} Step
 */

const library = 'packages/tierwise'
const commandLine = 'packages/cli'
const dashboard = 'packages/dashboard'

/** Tests of parts on servers. They wait more than they compute, and take most of the time. */
const onServers = [
  '**/*.redis.test.ts',
  'test/clients/**',
  'test/coordination/outages/**',
  'test/coordination/postgres/**',
  'test/coordination/redis/**',
  'test/core/raw-redis.test.ts',
  'test/core/server-failure-mode.test.ts',
  'test/core/server-faults.test.ts',
  'test/observability/endpoints/**',
  'test/observability/log/**',
  'test/observability/prometheus/**',
  'test/presets/**',
  'test/recipes/redis/**',
  'test/testing/servers/**',
  'test/testing/tcp-proxy.test.ts',
  'test/tiers/postgres/**',
  'test/tiers/redis/**',
]

/** Tests of whole chains and fleets on servers, many processes each: one at a time. */
const ofFleets = ['test/fleet/**', 'test/stacks/**']

const twoAtOnce = '--maxWorkers=2'

/** @type {readonly Step[]} */
export const steps = [
  { name: 'build', what: 'tsc, declarations file by file', run: async () => ({ note: await build() }) },
  { name: 'format', what: 'oxfmt', run: () => quiet(tool('oxfmt/bin/oxfmt', ['--check', '.'])) },
  { name: 'lint', what: 'oxlint, with type information', run: () => quiet(tool('oxlint/bin/oxlint', ['.'])) },
  { name: 'types', what: 'tsc over sources, tests, scripts and type tests', run: checkTypes },
  { name: 'layers', what: 'who may import whom', run: () => vitest(library, ['test/layers.test.ts']) },
  {
    name: 'unit',
    what: 'unit, property and process tests',
    run: () =>
      vitest(library, [
        twoAtOnce,
        ...['test/layers.test.ts', ...onServers, ...ofFleets].map((path) => `--exclude=${path}`),
      ]),
  },
  {
    name: 'servers',
    what: 'parts on real Redis and PostgreSQL servers',
    run: () => vitest(library, [twoAtOnce, ...onServers.map(toFilter)]),
  },
  {
    name: 'fleets',
    what: 'chains and fleets on real servers',
    run: () => vitest(library, ofFleets.map(toFilter)),
  },
  { name: 'cli', what: 'the command line as a process', run: () => vitest(commandLine, [twoAtOnce]) },
  { name: 'dashboard', what: 'the dashboard in a browser', run: () => vitest(dashboard, [twoAtOnce]) },
  { name: 'workshop', what: 'tests of the repository and its scripts', run: () => vitest('test') },
  { name: 'unused', what: 'knip', run: () => quiet(tool('knip/bin/knip.js', ['--treat-config-hints-as-errors'])) },
  { name: 'package', what: 'the packed tarball and its consumers', run: async () => ({ note: await checkPackage() }) },
  { name: 'docs', what: 'every snippet compiled and run', run: checkDocs },
  { name: 'examples', what: 'tests of the examples', run: () => testWorkspaces(foldersOf('examples')) },
  { name: 'bench', what: 'smoke run of the benchmarks', run: () => testWorkspaces(['bench']) },
]

/** Vitest takes a part of a path where it takes files, and a pattern where it leaves them out. @param {string} path */
function toFilter(path) {
  return path.replace('/**', '/').replace('**/*', '')
}

/** @param {Promise<string>} output */
async function quiet(output) {
  await output
}

/** @param {string} folder @param {readonly string[]} [args] @returns {Promise<StepResult>} */
async function vitest(folder, args = []) {
  const tests = await runVitest(join(root, folder), { args })
  return { tests, note: `${tests} tests` }
}

async function checkTypes() {
  for (const project of [library, commandLine, dashboard, `${dashboard}/page`])
    await tool('typescript/bin/tsc', ['-p', project])
  for (const project of ['scripts', 'test']) await tool('typescript/bin/tsc', ['-p', project])
  await expectTypeTestsIncluded()
  await expectTypeErrors('test/must-fail')
}

/** A type test outside of the tsconfig would pass unseen. */
async function expectTypeTestsIncluded() {
  const checked = await tool('typescript/bin/tsc', ['-p', library, '--listFilesOnly'])
  const typeTests = readdirSync(join(root, library, 'test'), { recursive: true, encoding: 'utf8' })
  const missed = typeTests.filter((path) => path.endsWith('.test-d.ts') && !checked.includes(path))
  if (missed.length > 0) throw new Error(`Type tests outside of ${library}/tsconfig.json: ${missed.join(', ')}`)
}

/** Proves that a wrong type test is seen: each line marked `// TSnnnn` has to be refused with that error. */
async function expectTypeErrors(/** @type {string} */ folder) {
  const output = await tool('typescript/bin/tsc', ['-p', folder]).catch((error) => error.output)
  const lines = readFileSync(join(root, folder, 'wrong.test-d.ts'), 'utf8').split('\n')
  for (const [index, line] of lines.entries()) {
    const code = / \/\/ (TS\d+)$/.exec(line)?.[1]
    if (code === undefined || output?.includes(`wrong.test-d.ts(${index + 1},`)) continue
    throw new CommandFailed(
      `${folder}/wrong.test-d.ts:${index + 1} is accepted instead of refused with ${code}`,
      output,
    )
  }
}

async function checkDocs() {
  await build()
  const tests = await checkDocSnippets()
  return { tests, note: `${tests} snippets` }
}

/** @param {string} folder */
function foldersOf(folder) {
  return readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)
}

/** @param {readonly string[]} folders @returns {Promise<StepResult>} */
async function testWorkspaces(folders) {
  let tests = 0
  for (const folder of folders) {
    const { scripts } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
    // Run by npm, a test script of any other kind is only as strict as itself.
    if (scripts?.test === 'vitest run') tests += await runVitest(join(root, folder))
    else await npm(['run', 'test', '--if-present', '--workspace', folder])
  }
  return tests === 0 ? {} : { tests, note: `${tests} tests` }
}
