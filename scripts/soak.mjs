import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { root } from './command.mjs'

const library = join(root, 'packages/tierwise')

/** Makes plain JavaScript of a program of the fleet. @param {string} name @param {string} folder */
async function bundle(name, folder) {
  await build({
    configFile: false,
    root: library,
    logLevel: 'error',
    build: {
      ssr: join(library, 'test/fleet/children', `${name}.ts`),
      outDir: folder,
      emptyOutDir: false,
      rollupOptions: {
        external: ['ioredis', 'iovalkey', 'redis', 'lmdb'],
        output: { entryFileNames: `${name}.mjs` },
      },
    },
  })
  return join(folder, `${name}.mjs`)
}

/**
 * Lets fleets of processes work in trouble and checks the history of every key. Options: `--minutes`, `--processes`,
 * `--keys`, `--seed`, `--variant single|sentinel|cluster`. Ends with 1 when a promise was broken.
 */
async function main() {
  const caches = join(library, '.cache')
  mkdirSync(caches, { recursive: true })
  // Below the package, so that the programs find the clients.
  const folder = mkdtempSync(join(caches, 'soak-'))
  try {
    await bundle('member', folder)
    const soak = await bundle('soak', folder)
    const running = spawn(process.execPath, [soak, ...process.argv.slice(2)], { stdio: 'inherit' })
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => running.kill(signal))
    process.exitCode = await new Promise((resolve) => running.on('close', (code) => resolve(code ?? 1)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
