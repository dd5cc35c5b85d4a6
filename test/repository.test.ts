import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../scripts/command.mjs'
import { missingBinaries, type LockPackages } from '../scripts/complete-lock.mjs'
import { isAtLeast } from '../scripts/setup.mjs'

/** What belongs to one machine or one network, never to the project. Written so that this file does not match itself. */
const forbidden: readonly RegExp[] = [
  /(?<![\w.])\/(home|Users)\/[a-z][\w.-]*\//,
  /(?<![\w.])\/root\//,
  /[A-Z]:\\Users\\/,
  /(npmjs|yarnpkg)\.(org|com)\/[^\s)]*\.tgz/,
  /registry\.(npmjs|yarnpkg|npmmirror)\b/,
  /_authToken|npm_[A-Za-z0-9]{36}/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----\n/,
]

function trackedFiles(): string[] {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  return list
    .toString()
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)))
}

const lock: LockPackages = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages

describe('the repository', () => {
  it('names no home folder, no registry host and no credential', () => {
    const self = 'test/repository.test.ts'
    const found = trackedFiles()
      .filter((path) => path !== self)
      .flatMap((path) => {
        const text = readFileSync(join(root, path), 'utf8')
        return forbidden.filter((pattern) => pattern.test(text)).map((pattern) => `${path} contains ${pattern}`)
      })
    expect(found).toEqual([])
  })

  it('links only to pages that exist', () => {
    const pages = trackedFiles().filter((path) => path.endsWith('.md'))
    const broken = pages.flatMap((page) =>
      [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !existsSync(join(root, dirname(page), target)))
        .map((target) => `${page} links to ${target}`),
    )
    expect(broken).toEqual([])
  })

  it('locks its dependencies by version and digest, not by address', () => {
    const external = Object.entries(lock).filter(([path, { link }]) => path.includes('node_modules/') && link !== true)
    expect(external.length).toBeGreaterThan(0)
    expect(external.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
    // Only binaries that npm could not reach when the file was written have no digest.
    expect(external.filter(([, { integrity, os }]) => integrity === undefined && os === undefined)).toEqual([])
  })

  it('locks the binaries of every platform, which npm ci insists on', () => {
    expect(missingBinaries(lock)).toEqual({})
  })

  it('tells the platform of a binary from its name as npm does', () => {
    const known = Object.entries(lock).filter(([, { os, integrity }]) => os !== undefined && integrity !== undefined)
    const binaries = known.filter(([path]) => path.includes('@oxlint/') || path.includes('@oxc-parser/'))
    expect(binaries.length).toBeGreaterThan(0)
    for (const [path, { version, os, cpu, libc }] of binaries) {
      const name = path.replace(/.*node_modules\//, '')
      const parent = { optionalDependencies: { [name]: version ?? '' } }
      const expected = { version, optional: true, os, cpu, ...(libc && { libc }) }
      expect(missingBinaries({ parent })).toEqual({ [`node_modules/${name}`]: expected })
    }
  })

  it('keeps npm from writing addresses into the lock file', () => {
    expect(readFileSync(join(root, '.npmrc'), 'utf8')).toContain('omit-lockfile-registry-resolved=true')
  })
})

describe('isAtLeast', () => {
  it.each([
    ['20.19.0', '20.19', true],
    ['20.20.2', '20.19', true],
    ['26.10.0', '20.19', true],
    ['20.9.0', '20.19', false],
    ['18.20.8', '20.19', false],
  ])('says for Node %s and the limit %s: %s', (version, oldest, expected) => {
    expect(isAtLeast(version, oldest)).toBe(expected)
  })
})
