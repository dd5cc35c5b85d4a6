import { join } from 'node:path'
import { build } from 'vite'

const package_ = join(import.meta.dirname, '../..')

/**
 * Makes plain JavaScript of a program in `children`, as Node 20 does not run TypeScript; returns its path. The folder has
 * to be below the package, so that the program finds what it needs.
 */
export async function bundledProgram(name: string, folder: string): Promise<string> {
  await build({
    configFile: false,
    root: package_,
    logLevel: 'error',
    build: {
      ssr: join(package_, 'test/fleet/children', `${name}.ts`),
      outDir: folder,
      emptyOutDir: false,
      rollupOptions: {
        external: ['ioredis', 'iovalkey', 'redis', 'lmdb', 'vite'],
        output: { entryFileNames: `${name}.mjs` },
      },
    },
  })
  return join(folder, `${name}.mjs`)
}
