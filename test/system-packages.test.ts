import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureSystemPackages } from '../scripts/system-packages.mjs'

const path = process.env['PATH']
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tierwise-packages-'))
  process.env['PATH'] = folder
})

afterEach(() => {
  process.env['PATH'] = path
  rmSync(folder, { recursive: true })
})

function addProgram(name: string, script = ''): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, name), 0o755)
}

/** Notes down how it was called. */
function addAptGet(): void {
  addProgram('apt-get', `echo "$DEBIAN_FRONTEND $*" >>${folder}/calls`)
}

const here = { program: 'here', debianPackage: 'package-here' }
const missing = { program: 'missing', debianPackage: 'package-missing' }

describe('ensureSystemPackages', () => {
  it('does nothing where everything is installed, on PATH, under another name or in another folder', async () => {
    addAptGet()
    addProgram('here')
    const renamed = { program: 'renamed', or: 'here', debianPackage: 'package' }
    const elsewhere = { program: 'sh', folders: () => ['/nowhere', '/bin'], debianPackage: 'package' }
    expect(await ensureSystemPackages({ wanted: [here, renamed, elsewhere], isRoot: true })).toBe(undefined)
    expect(existsSync(join(folder, 'calls'))).toBe(false)
  })

  it('installs what is missing, and nothing else, without asking anything', async () => {
    addAptGet()
    addProgram('here')
    const other = { program: 'other', folders: () => ['/nowhere'], debianPackage: 'package-other' }
    expect(await ensureSystemPackages({ wanted: [here, missing, other], isRoot: true })).toBe(
      'installed package-missing package-other',
    )
    expect(readFileSync(join(folder, 'calls'), 'utf8').split('\n')).toEqual([
      'noninteractive update',
      'noninteractive install --yes --no-install-recommends package-missing package-other',
      '',
    ])
  })

  it.each([
    ['is not root', false, true],
    ['has no apt-get', true, false],
  ])('says what to install where it %s', async (_, isRoot, hasAptGet) => {
    if (hasAptGet) addAptGet()
    await expect(ensureSystemPackages({ wanted: [missing], isRoot })).rejects.toThrow('first: package-missing')
    expect(existsSync(join(folder, 'calls'))).toBe(false)
  })

  it('finds the programs of the tests on a machine that runs them', async () => {
    process.env['PATH'] = path
    expect(await ensureSystemPackages({ isRoot: false })).toBe(undefined)
  })

  it('looks for Redis and OpenSSL on PATH', async () => {
    await expect(ensureSystemPackages({ isRoot: false })).rejects.toThrow(/redis-server redis-tools openssl/)
  })
})
