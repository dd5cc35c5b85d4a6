import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))

/** The tests use the library and the example the way they are published: built. */
export function setup(): void {
  for (const project of ['packages/tierwise/tsconfig.build.json', 'examples/guarded-api/tsconfig.json']) {
    execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', join(root, project)], { stdio: 'inherit' })
  }
}
