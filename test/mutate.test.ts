import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'vite'
import { describe, expect, it } from 'vitest'
import { root } from '../scripts/command.mjs'
import { checkMark } from '../scripts/mutations/check-mark.mjs'
import { findMarks, marksIn, mutate } from '../scripts/mutations/marks.mjs'
import { summaryOf, tableOf, withTable } from '../scripts/mutations/report.mjs'
import { failuresIn, type Failure, type Sandbox } from '../scripts/mutations/sandbox.mjs'
import { runsFor } from '../scripts/mutations/suites.mjs'

const marks = findMarks(root)
const mark = { promise: 'P1', name: 'one', reason: 'why', file: 'packages/tierwise/src/core/a.ts', line: 1 }

describe('the marks of the protocol', () => {
  it('stand for every promise', () => {
    expect(new Set(marks.map(({ promise }) => promise))).toEqual(new Set(['P1', 'P2', 'P3', 'P4', 'P5', 'P6']))
  })

  it.each(marks)('$name: without it there is another program, and tests are named for it', (each) => {
    const text = readFileSync(join(root, each.file), 'utf8')
    const mutant = mutate(text, each)
    expect(mutant).not.toBe(text)
    expect(parseSync(each.file, mutant).errors).toEqual([])
    expect(runsFor(each.file).length).toBeGreaterThan(0)
  })

  it('are comments of TypeScript and of Lua', () => {
    const text = '  // protocol P1 one: why\n  -- protocol P6 two-words: why not\n  // protocols are fine'
    expect(marksIn(text, 'a.ts')).toEqual([
      { promise: 'P1', name: 'one', reason: 'why', file: 'a.ts', line: 1 },
      { promise: 'P6', name: 'two-words', reason: 'why not', file: 'a.ts', line: 2 },
    ])
  })
})

describe('mutate', () => {
  const of = (...lines: string[]): string => mutate(['// protocol P1 one: why', ...lines].join('\n'), mark)

  it.each([
    ['one line', ['stop()', 'go()'], ['', 'go()']],
    ['its body', ['if (a)', '  stop()', 'go()'], ['', 'go()']],
    ['its block', ['if (a) {', '  stop()', '}', 'go()'], ['', 'go()']],
    ['what else it does', ['if (a) stop()', 'else {', '  wait()', '}', 'go()'], ['', 'go()']],
    ['a block of Lua', ['if a then', '  stop()', 'end', 'go()'], ['', 'go()']],
    [
      'the line below other comments',
      ['// protocol P2 two: why', '// Why.', 'stop()'],
      ['// protocol P2 two: why', '// Why.', ''],
    ],
  ])('removes the statement with %s', (_, before, after) => {
    expect(of(...before)).toBe(['// protocol P1 one: why', ...after].join('\n'))
  })

  it('replaces a part of the statement, and only where the part stands once', () => {
    const flushed = { ...mark, name: 'flushed' }
    const text = '// protocol P3 flushed: why\nif (x) return this.#loseAll()'
    expect(mutate(text, flushed)).toContain('if (x) return undefined')
    expect(() => mutate(text.replace('loseAll', 'keepAll'), flushed)).toThrow('does not stand once')
  })
})

describe('checkMark', () => {
  const text = '// protocol P1 one: why\nstop()\n'

  /** Each run of tests takes the next answer; what it was asked is kept. */
  function sandboxWith(...answers: Failure[][]): { sandbox: Sandbox; runs: string[]; file: { text: string } } {
    const file = { text }
    const runs: string[] = []
    const sandbox = {
      read: () => file.text,
      write: (_: string, written: string) => void (file.text = written),
      test: async (run: readonly string[]) => {
        expect(file.text).not.toContain('stop')
        runs.push(run.join(' '))
        return answers.shift() ?? []
      },
    } as unknown as Sandbox
    return { sandbox, runs, file }
  }

  const failure = { test: 'stops', message: 'AssertionError: expected 1 to be 2' }
  const check = (sandbox: Sandbox, file = mark.file): ReturnType<typeof checkMark> =>
    checkMark(sandbox, { ...mark, file }, { timeoutMs: 1000 })

  it('ends with the first test that fails, and puts the line back', async () => {
    const { sandbox, runs, file } = sandboxWith([failure])
    expect(await check(sandbox)).toMatchObject({ outcome: 'noticed', test: 'stops' })
    expect(runs.length).toBe(1)
    expect(file.text).toBe(text)
  })

  it('tries every run before it says that nobody has noticed', async () => {
    const { sandbox, runs } = sandboxWith()
    expect(await check(sandbox)).toMatchObject({ outcome: 'survived' })
    expect(runs.length).toBe(runsFor(mark.file).length)
  })

  it('does not take for noticed what is no program any more', async () => {
    const { sandbox } = sandboxWith([{ test: 'stops', message: 'ReferenceError: stop is not defined' }])
    expect(await check(sandbox)).toMatchObject({ outcome: 'broken' })
  })

  it('does not count a test that was expected to fail', async () => {
    const { sandbox } = sandboxWith([{ test: 'a gap', message: 'Error: Expect test to fail' }], [])
    expect(await check(sandbox)).toMatchObject({ outcome: 'survived' })
  })

  it('wants to see a test with a server fail twice', async () => {
    const file = 'packages/tierwise/src/tiers/redis/authority/a.ts'
    expect(await check(sandboxWith([failure], []).sandbox, file)).toMatchObject({ outcome: 'survived' })
    expect(await check(sandboxWith([failure], [failure]).sandbox, file)).toMatchObject({ outcome: 'noticed' })
  })
})

describe('failuresIn', () => {
  it('finds failed tests, and files that could not be read', () => {
    const passed = { fullName: 'a', status: 'passed', failureMessages: [] }
    const failed = { fullName: 'b', status: 'failed', failureMessages: ['why'] }
    const testResults = [
      { name: 'one.test.ts', status: 'failed', message: '', assertionResults: [passed, failed] },
      { name: 'two.test.ts', status: 'failed', message: 'SyntaxError', assertionResults: [] },
      { name: 'three.test.ts', status: 'passed', message: '', assertionResults: [passed] },
    ]
    expect(failuresIn({ testResults })).toEqual([
      { test: 'b', message: 'why' },
      { test: 'two.test.ts', message: 'SyntaxError' },
    ])
  })
})

describe('the report', () => {
  const survived = { outcome: 'survived', test: '', seconds: 3, fingerprint: '' } as const
  const rows = [
    { mark: { ...mark, promise: 'P2', name: 'two', reason: 'a | b' }, result: survived },
    { mark, result: undefined },
  ]

  it('is sorted by promise and shows what was not noticed', () => {
    expect(tableOf(rows).split('\n').slice(2)).toEqual([
      '| P1 | `one` | core/a.ts | why | removed | not tried |  |',
      '| P2 | `two` | core/a.ts | a \\| b | removed | **survived** | 3 |',
    ])
    expect(summaryOf(rows)).toBe('2 lines: 0 noticed, 1 survived, 0 broken, 1 not tried')
  })

  it('replaces the table of the page and leaves the rest', () => {
    const page = readFileSync(join(root, 'docs/design/testing.md'), 'utf8')
    const written = withTable(page, 'the table')
    expect(withTable(written, 'the table')).toBe(written)
    expect(written).toContain('## The mutation check')
    expect(written).toMatch(/-->\n\nthe table\n\n<!-- end of mutations -->\n$/)
  })
})
