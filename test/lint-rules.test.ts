import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CommandFailed, root, tool } from '../scripts/command.mjs'

/** One offence per rule that the project relies on, by the file it is written to. */
const offences: Readonly<Record<string, readonly [path: string, source: string]>> = {
  'max-params': ['packages/a/src/params.ts', 'export const f = (a: 1, b: 1, c: 1, d: 1): number => a + b + c + d'],
  'max-depth': ['packages/a/src/depth.ts', nested(4)],
  complexity: ['packages/a/src/complexity.ts', `export const f = (a: number): boolean => ${anyOf(13)}`],
  'max-lines': ['packages/a/src/lines.ts', 'export {}\n'.repeat(401)],
  'max-lines-per-function': ['packages/a/src/long.ts', `export function f(): void {\n${'f()\n'.repeat(60)}}`],
  eqeqeq: ['packages/a/src/equal.ts', 'export const f = (a: unknown): boolean => a == 1'],
  'no-console': ['packages/a/src/console.ts', "console.log('a')"],
  'no-cycle': ['packages/a/src/cycle.ts', "import { b } from './cycle-end.ts'\nexport const a = (): number => b()"],
  'no-default-export': ['packages/a/src/default.ts', 'export default 1'],
  'no-explicit-any': ['packages/a/src/any.ts', 'export const f = (a: any): unknown => a'],
  'no-floating-promises': ['packages/a/src/floating.ts', 'export function f(): void {\n  Promise.resolve(1)\n}'],
  'no-misused-promises': ['packages/a/src/misused.ts', '[1].forEach(async () => {})'],
  'await-thenable': ['packages/a/src/await.ts', 'export const f = async (a: number): Promise<number> => (await a) + 1'],
  'only-throw-error': ['packages/a/src/throw.ts', "export function f(): never {\n  throw 'a'\n}"],
  'consistent-type-imports': [
    'packages/a/src/type-import.ts',
    "import { T } from './type.ts'\nexport const a = (b: T): T => b",
  ],
  'prefer-node-protocol': ['packages/a/src/protocol.ts', "import 'fs'"],
  'no-unused-vars': ['packages/a/src/unused.ts', 'export function f(): void {\n  const a = 1\n}'],
}

const support = {
  'packages/a/src/cycle-end.ts': "import { a } from './cycle.ts'\nexport const b = (): number => a()",
  'packages/a/src/type.ts': 'export type T = number',
  'packages/a/src/clean.ts': 'export const clean = (a: number): number => a + 1',
  'tsconfig.json': JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions: { types: [] } }),
}

function nested(depth: number): string {
  return `export function f(a: boolean): void {\n${'if (a) {\n'.repeat(depth)}f(a)\n${'}'.repeat(depth)}\n}`
}

function anyOf(count: number): string {
  return Array.from({ length: count }, (_, index) => `a === ${index}`).join(' || ')
}

describe('the lint rules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tierwise-lint-'))
  let complaints: readonly { readonly code: string; readonly filename: string }[]

  beforeAll(async () => {
    cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
    // The linter looks for its type-aware part below the folder it runs in.
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    for (const [path, source] of [...Object.values(offences), ...Object.entries(support)]) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), `${source}\n`)
    }
    const run = tool('oxlint/bin/oxlint', ['--format=json', '.'], { cwd: folder })
    const report = await run.catch((error: unknown) =>
      error instanceof CommandFailed ? error.output : Promise.reject(error),
    )
    if (!report.startsWith('{')) throw new Error(`oxlint did not run: ${report}`)
    complaints = JSON.parse(report).diagnostics
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(Object.entries(offences))('refuse an offence against %s', (rule, [path]) => {
    const codes = complaints.filter(({ filename }) => filename === path).map(({ code }) => code)
    expect(codes).toEqual([expect.stringContaining(`(${rule})`)])
  })

  it('accept a file without an offence', () => {
    expect(complaints.filter(({ filename }) => filename.endsWith('clean.ts'))).toEqual([])
  })
})
