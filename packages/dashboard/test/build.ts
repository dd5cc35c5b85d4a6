import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildPage } from '../build-page.mjs'

const folder = fileURLToPath(new URL('..', import.meta.url))
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))

/** The tests use the package the way it is published: built. The library has been built before. */
export async function setup(): Promise<void> {
  execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', join(folder, 'tsconfig.build.json')], {
    stdio: 'inherit',
  })
  await buildPage()
}
