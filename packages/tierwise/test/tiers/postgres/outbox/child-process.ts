import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { build } from 'vite'

const package_ = join(import.meta.dirname, '../../../..')
/** Below the package, so that the children find the clients. */
const bundles = join(package_, `.cache/outbox-children-${process.pid}`)

export interface EndedChild {
  readonly signal: NodeJS.Signals | null
  readonly output: string
  readonly errors: string
}

/** Runs a program in `children` to its end, as plain JavaScript, because Node 20 does not run TypeScript. */
export async function runChild(name: string, args: readonly string[]): Promise<EndedChild> {
  try {
    await build({
      configFile: false,
      root: package_,
      logLevel: 'error',
      build: {
        ssr: join(import.meta.dirname, 'children', `${name}.ts`),
        outDir: bundles,
        rollupOptions: { external: ['pg', 'postgres'], output: { entryFileNames: `${name}.mjs` } },
      },
    })
    const child = spawn(process.execPath, [join(bundles, `${name}.mjs`), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [output, errors, [, signal]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    return { signal: signal as NodeJS.Signals | null, output, errors }
  } finally {
    rmSync(bundles, { recursive: true, force: true })
  }
}
