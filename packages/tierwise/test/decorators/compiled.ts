import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))

/** How a compiler may understand decorators. */
export const ways = {
  'as the standard has them': [],
  'as experimentalDecorators': ['--experimentalDecorators', '--emitDecoratorMetadata'],
} as const

/** Compiles a file that imports only types, and gives what it exports. */
export async function compiled<T>(file: string, way: keyof typeof ways): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tierwise-decorators-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const settings = ['--target', 'es2022', '--module', 'nodenext', '--noCheck', '--noResolve', '--outDir', folder]
    execFileSync(process.execPath, [join(typescript, 'bin/tsc'), ...settings, ...ways[way], file], {
      cwd: folder,
      stdio: 'inherit',
    })
    const name = file.slice(file.lastIndexOf('/') + 1).replace(/\.ts$/, '.js')
    return (await import(/* @vite-ignore */ pathToFileURL(join(folder, name)).href)) as T
  } finally {
    rmSync(folder, { recursive: true })
  }
}
