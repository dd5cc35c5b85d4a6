import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { capture, CommandFailed, root } from '../command.mjs'

const library = 'packages/tierwise'

/** @typedef {{ fullName: string, status: string, failureMessages: readonly string[] }} Assertion */
/** @typedef {{ name: string, message: string, status: string, assertionResults: readonly Assertion[] }} TestFile */
/** @typedef {{ test: string, message: string }} Failure */

/** A copy of the sources and tests of the library, in which files may be changed and tests run. */
export class Sandbox {
  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder
  }

  static create() {
    const folder = mkdtempSync(join(tmpdir(), 'tierwise-mutate-'))
    const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', library], {
      cwd: root,
      maxBuffer: 2 ** 26,
    })
    const files = list
      .toString()
      .split('\0')
      .filter((path) => path !== '' && existsSync(join(root, path)))
    for (const path of [...files, 'package.json', 'tsconfig.json']) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      cpSync(join(root, path), join(folder, path))
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    linkModules(join(root, library, 'node_modules'), join(folder, library, 'node_modules'))
    return new Sandbox(folder)
  }

  /** @param {string} file */
  read(file) {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  /** @param {string} file @param {string} text */
  write(file, text) {
    writeFileSync(join(this.folder, file), text)
  }

  /**
   * Runs tests and resolves to those that failed; ends with the first one unless told otherwise. What does not end in time
   * has failed as well.
   *
   * @param {readonly string[]} files @param {{ timeoutMs: number, isPatient?: boolean }} options
   * @returns {Promise<readonly Failure[]>}
   */
  async test(files, { timeoutMs, isPatient = false }) {
    const report = join(this.folder, 'results.json')
    rmSync(report, { force: true })
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    const how = ['--no-file-parallelism', '--passWithNoTests', ...(isPatient ? [] : ['--bail=1'])]
    // Files that start a server when they are imported have to be imported by each file that uses it.
    if (!files.some((file) => file.startsWith('test/fleet/'))) how.push('--no-isolate')
    const args = [
      vitest,
      'run',
      '--root',
      join(this.folder, library),
      '--reporter=json',
      `--outputFile=${report}`,
      ...how,
    ]
    try {
      await capture(process.execPath, [...args, ...files], { timeoutMs })
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error
      if (!existsSync(report)) return [{ test: 'none: the tests did not end', message: error.output.slice(-2000) }]
    }
    return failuresIn(JSON.parse(readFileSync(report, 'utf8')))
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** All but the caches, which belong to one copy. @param {string} from @param {string} to */
function linkModules(from, to) {
  if (!existsSync(from)) return
  mkdirSync(to)
  for (const name of readdirSync(from)) if (!name.startsWith('.')) symlinkSync(join(from, name), join(to, name))
}

/** @param {{ testResults: readonly TestFile[] }} report @returns {Failure[]} */
export function failuresIn({ testResults }) {
  return testResults.flatMap(({ name, message, status, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    // A file that could not be read has no tests.
    if (failed.length === 0) return status === 'failed' ? [{ test: name, message }] : []
    return failed.map(({ fullName, failureMessages }) => ({ test: fullName, message: failureMessages.join('\n') }))
  })
}
