import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findLayerViolations, findUnpublishedImports } from './layer-rules.ts'

const library = join(import.meta.dirname, '..')
const repository = join(library, '../..')

function sourcesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'))
  return paths.filter((path) => /\.(ts|mts|mjs|js)$/.test(path) && !/(^|\/)(node_modules|dist)\//.test(path))
}

function publishedSpecifiers(): string[] {
  const { exports } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'))
  return Object.keys(exports).map((subpath) => `tierwise${subpath.slice(1)}`)
}

describe('layers of the library', () => {
  it('imports point down and time, timers and random numbers are injected', () => {
    const paths = sourcesBelow(join(library, 'src'))
    const found = paths.flatMap((path) => findLayerViolations(path, readFileSync(join(library, 'src', path), 'utf8')))
    expect(paths.length).toBeGreaterThan(10)
    expect(found).toEqual([])
  })

  it('examples and the bench import only what is published', () => {
    const found = ['examples', 'bench'].flatMap((folder) =>
      sourcesBelow(join(repository, folder)).flatMap((path) =>
        findUnpublishedImports(path, readFileSync(join(repository, folder, path), 'utf8'), publishedSpecifiers()),
      ),
    )
    expect(found).toEqual([])
  })
})

describe('findLayerViolations', () => {
  it.each([
    ['core/read.ts', "import { memory } from '../tiers/memory/index.ts'", 'core may not see tiers/memory'],
    ['core/read.ts', "import type { Bus } from '../buses/memory.ts'", 'core may not see buses'],
    ['tiers/disk/index.ts', "export { join } from '../../core/key.ts'", 'tiers/disk may not see core'],
    ['tiers/disk/index.ts', "import '../memory/index.ts'", 'tiers/disk may not see tiers/memory'],
    ['contract/tier.ts', "import type { Error } from '../errors.ts'", 'contract may not see errors.ts'],
    ['base/bytes.ts', "const codec = await import('../codecs/json.ts')", 'base may not see codecs'],
    ['errors.ts', "export * from './base/duration.ts'", 'errors.ts may not see base'],
    ['index.ts', "export * from './testing/index.ts'", 'index.ts may not see testing'],
    ['transfer/copy.ts', "import '../config/load.ts'", 'transfer may not see config'],
    ['core/read.ts', "import { get } from '../drawer/get.ts'", 'belongs to no layer'],
    ['recipes/nonce.ts', "import { createCacheManager } from 'tierwise'", 'imports the library by its name'],
  ])('refuses in %s: %s', (path, source, complaint) => {
    expect(findLayerViolations(path, source)).toEqual([expect.stringContaining(complaint)])
  })

  it.each([
    ['Date.now()', 'Date.now'],
    ['new Date()', 'Date.now'],
    ['const random = Math.random', 'Math.random'],
    ['globalThis.setTimeout(run, 1)', 'setTimeout'],
    ['setInterval(run, 1)', 'setInterval'],
    ['setImmediate(run)', 'setImmediate'],
    ["import { setTimeout as sleep } from 'node:timers/promises'", 'setTimeout'],
  ])('refuses outside of the runtime: %s', (source, what) => {
    const complaints = findLayerViolations('core/load.ts', source)
    expect(complaints).toContain(`core/load.ts uses ${what} instead of the runtime it is given`)
  })

  it.each([
    ['create-cache-manager.ts', "import './core/cache-manager.ts'; import './tiers/memory/index.ts'"],
    ['core/read.ts', "import type { Tier } from '../contract/tier.ts'; import './load.ts'; import 'leven'"],
    ['testing/index.ts', "export * from '../recipes/nonce.ts'"],
    ['testing/fake-runtime.ts', 'setImmediate(run)'],
    ['base/runtime.ts', 'setTimeout(run, Date.now() * Math.random())'],
    ['core/load.ts', "// Date.now is not for us\nconst text = 'Math.random'; const then = new Date(0)"],
  ])('accepts in %s: %s', (path, source) => {
    expect(findLayerViolations(path, source)).toEqual([])
  })
})

describe('findUnpublishedImports', () => {
  it('refuses what only the library itself can reach', () => {
    const source =
      "import 'tierwise/core/read'; import '../../packages/tierwise/src/index.ts'; import 'tierwise/memory'"
    expect(findUnpublishedImports('a.ts', source, ['tierwise', 'tierwise/memory'])).toEqual([
      'a.ts imports tierwise/core/read, which is not published',
      'a.ts imports ../../packages/tierwise/src/index.ts, which is not published',
    ])
  })
})
