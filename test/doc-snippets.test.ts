import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../scripts/command.mjs'
import { checkSnippets, extractSnippets } from '../scripts/doc-snippets.mjs'

function check(page: string) {
  return checkSnippets(extractSnippets('page.md', page), join(root, '.cache/doc-snippets-test'))
}

describe('extractSnippets', () => {
  it('takes the fences marked ts with their lines and leaves other languages', () => {
    const page = ['# Title', '```text', '```ts', '```', '- item', '  ```ts no-run', '  const a = 1', '  ```', ''].join(
      '\n',
    )
    expect(extractSnippets('page.md', page)).toEqual([{ page: 'page.md', line: 7, code: 'const a = 1\n', runs: false }])
  })

  it('refuses a mark it does not know', () => {
    expect(() => extractSnippets('page.md', '```ts norun\n```')).toThrow('page.md:1 has the unknown mark "norun"')
  })
})

describe('checkSnippets', () => {
  it('accepts a snippet that prints what it states', async () => {
    await check("```ts\nconsole.log('other')\nconsole.log([1, 'a'], 2) // => [ 1, 'a' ] 2\n```")
  })

  it('refuses a result that is not the one stated, at the line of the page', async () => {
    await expect(check('\n\n```ts\nconsole.log(1 + 1) // => 3\n```')).rejects.toThrow(
      'page.md:4 states "3" and prints "2"',
    )
  })

  it('refuses a stated result that is never printed', async () => {
    await expect(check('```ts\nif (Date.now() < 0)\n  console.log(1) // => 1\n```')).rejects.toThrow(
      'page.md:3 never ran',
    )
  })

  it('refuses a stated result behind anything but console.log', async () => {
    await expect(check('```ts\n1 + 1 // => 2\n```')).rejects.toThrow('page.md:2 states a result')
  })

  it('reports a type error at the line of the page', async () => {
    await expect(check("text\n```ts no-run\nexport const a: number = 'b'\n```")).rejects.toMatchObject({
      output: expect.stringContaining('page.md-3.ts(3,14): error TS2322'),
    })
  })

  it('refuses a snippet that throws', async () => {
    await expect(check("```ts\nthrow new Error('broken')\n```")).rejects.toMatchObject({
      output: expect.stringContaining('broken'),
    })
  })
})
