import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of the repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** A command that ended with something else than zero; `output` is everything it printed. */
export class CommandFailed extends Error {
  /** @param {string} message @param {string} output */
  constructor(message, output) {
    super(message)
    this.output = output
    /** Tests that failed, when the command ran tests. */
    this.failedTests = 0
  }
}

/** Commands that are running, by the id of their process group. @type {Set<number>} */
const running = new Set()

// A command leads a process group of its own, so that a test that hangs can be ended with all that it started.
process.on('exit', () => running.forEach(endGroup))
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP']

function stop() {
  process.exit(130)
}

/** @param {number} id */
function enter(id) {
  if (running.size === 0) for (const signal of stopSignals) process.on(signal, stop)
  running.add(id)
}

/** @param {number} id */
function leave(id) {
  running.delete(id)
  if (running.size === 0) for (const signal of stopSignals) process.off(signal, stop)
}

/** @param {number} id */
function endGroup(id) {
  try {
    process.kill(-id, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/**
 * Runs a command and resolves to what it printed; rejects with `CommandFailed` when it fails or takes too long.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, timeoutMs?: number }} [options]
 * @returns {Promise<string>}
 */
export function capture(file, args, { cwd = root, env = {}, timeoutMs = 10 * 60_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const id = child.pid
    if (id !== undefined) enter(id)
    const deadline = setTimeout(() => id !== undefined && endGroup(id), timeoutMs)
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(deadline)
      if (id !== undefined) leave(id)
      if (code === 0) return resolve(output)
      const line = [file, ...args].join(' ')
      reject(new CommandFailed(`${line} ended with ${signal === null ? `code ${code}` : signal}`, output))
    })
  })
}

/**
 * Runs a JavaScript file of an installed package, so nothing depends on shells or on the search path.
 *
 * @param {string} script path below node_modules
 * @param {readonly string[]} args
 * @param {Parameters<typeof capture>[2]} [options]
 */
export function tool(script, args, options) {
  return capture(process.execPath, [join(root, 'node_modules', script), ...args], options)
}

/**
 * Runs npm: the one that started this process, else the one that came with Node, else the one on the path.
 *
 * @param {readonly string[]} args
 * @param {Parameters<typeof capture>[2]} [options]
 */
export function npm(args, options) {
  const bundled = join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js')
  const script = process.env['npm_execpath'] ?? (existsSync(bundled) ? bundled : undefined)
  if (script?.endsWith('.js')) return capture(process.execPath, [script, ...args], options)
  return capture('npm', args, options)
}

/** @param {number} ms */
export function formatDuration(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}
