import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

describe('the documentation of the command line', () => {
  it('has a reference page that says what the program understands', () => {
    const script = fromRoot('scripts/command-line-reference.mjs')
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  it('names in the guide every finding that doctor can have', () => {
    const guide = readFileSync(fromRoot('docs/guide/command-line.md'), 'utf8')
    const files = ['examine-disk', 'examine-memory', 'postgres/postgres-rules', 'postgres/examine-postgres']
    const redis = ['node-rules', 'deployment-rules', 'sentinels', 'examine-redis'].map((name) => `redis/${name}`)
    const codes = [...files, ...redis].flatMap((name) => {
      const source = readFileSync(fromRoot(`packages/cli/src/doctor/${name}.ts`), 'utf8')
      return [...source.matchAll(/code: '([\w-]+)'/g)].map(([, code = '']) => code)
    })
    expect(codes.length).toBeGreaterThan(30)
    expect([...new Set(codes)].filter((code) => !guide.includes(`\`${code}\``))).toEqual([])
  })
})
