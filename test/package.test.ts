import { describe, expect, it } from 'vitest'
import { findPackagingFaults } from '../scripts/check-package.mjs'
import { consumerLock } from '../scripts/consumer-lock.mjs'

const manifest = {
  exports: {
    '.': { types: './dist/index.d.ts', default: './dist/index.js' },
    './memory': { types: './dist/memory.d.ts', default: './dist/memory.js' },
    './package.json': './package.json',
  },
  typesVersions: { '*': { memory: ['./dist/memory.d.ts'] } },
}
const modules = ['index', 'memory'].flatMap((name) => [`dist/${name}.js`, `dist/${name}.d.ts`, `src/${name}.ts`])
const files = ['package.json', 'README.md', 'LICENSE', ...modules]

describe('findPackagingFaults', () => {
  it('finds none in a whole package', () => {
    expect(findPackagingFaults(files, manifest)).toEqual([])
  })

  it.each([
    ['dist/memory.d.ts', 'dist/memory.d.ts is missing'],
    ['README.md', 'README.md is missing'],
    ['src/memory.ts', 'dist/memory.js has no source'],
  ])('complains when %s is left out', (path, complaint) => {
    const rest = files.filter((file) => file !== path)
    expect(findPackagingFaults(rest, manifest)).toEqual([complaint])
  })

  it.each(['src/memory.test.ts', 'test/memory.ts', 'dist/.stamp', '.env', 'tsconfig.json'])(
    'complains about %s',
    (path) => {
      expect(findPackagingFaults([...files, path], manifest)).toEqual([`${path} does not belong in it`])
    },
  )

  it('wants the programs that it installs, and no typesVersions without types', () => {
    const program = { exports: { './package.json': './package.json' }, bin: { tierwise: './dist/main.js' } }
    const own = ['package.json', 'README.md', 'LICENSE', 'dist/main.js', 'src/main.ts']
    expect(findPackagingFaults(own, program)).toEqual([])
    expect(findPackagingFaults(own.slice(0, 3), program)).toEqual(['dist/main.js is missing'])
  })

  it('wants at least one file behind a star', () => {
    const starred = { ...manifest, exports: { ...manifest.exports, './monitoring/*': './monitoring/*' } }
    expect(findPackagingFaults(files, starred)).toEqual(['monitoring/* is missing'])
    expect(findPackagingFaults([...files, 'monitoring/alerts.test.yml'], starred)).toEqual([])
  })

  it('takes a page along, which is built from other files', () => {
    const page = ['dist/page/index.html', 'dist/page/page.js', 'dist/page/page.css', 'dist/page/icon.svg']
    expect(findPackagingFaults([...files, ...page], manifest)).toEqual([])
    expect(findPackagingFaults([...files, 'dist/other/page.js'], manifest)).toEqual([
      'dist/other/page.js has no source',
    ])
  })

  it('complains when typesVersions does not follow exports', () => {
    expect(findPackagingFaults(files, { ...manifest, typesVersions: {} })).toEqual([
      expect.stringContaining('typesVersions should be {"*":{"memory"'),
    ])
  })
})

describe('consumerLock', () => {
  it('takes along what the package needs, at the places where Node finds it', () => {
    const packages = {
      'node_modules/a': { version: '1.0.0', dev: true, dependencies: { b: '^1.0.0' } },
      'node_modules/a/node_modules/b': { version: '1.5.0', dependencies: { c: '^3.0.0' } },
      'node_modules/b': { version: '2.0.0' },
      'node_modules/c': { version: '3.0.0', optionalDependencies: { 'c-linux': '3.0.0' } },
      'node_modules/c-linux': { version: '3.0.0', optional: true },
      'node_modules/unrelated': { version: '4.0.0' },
    }
    const { lock } = consumerLock(packages, {
      manifest: { name: 'lib', version: '0.1.0', dependencies: { a: '^1.0.0' } },
      tarball: 'lib-0.1.0.tgz',
      integrity: 'sha512-x',
      others: {},
    })
    const paths = [
      '',
      'node_modules/a',
      'node_modules/a/node_modules/b',
      'node_modules/c',
      'node_modules/c-linux',
      'node_modules/lib',
    ]
    expect(Object.keys(lock.packages).toSorted()).toEqual(paths)
    expect(lock.packages).toMatchObject({
      'node_modules/lib': { resolved: 'file:lib-0.1.0.tgz', integrity: 'sha512-x' },
    })
    expect(lock.packages).not.toHaveProperty(['node_modules/a', 'dev'])
  })
})
