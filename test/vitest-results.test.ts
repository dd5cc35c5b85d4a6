import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { root } from '../scripts/command.mjs'
import { runVitest } from '../scripts/vitest.mjs'

describe('runVitest', () => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, '.cache/vitest-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  function runTests(body: string): Promise<number> {
    const imports = "import { expect, it, describe } from 'vitest'\n"
    writeFileSync(join(folder, 'a.test.ts'), `${imports}it('passes', () => {})\n${body}`)
    return runVitest(folder)
  }

  it('counts what passed', async () => {
    expect(await runTests("it('passes too', () => {})")).toBe(2)
  })

  it.each([
    ['it.skip', "it.skip('waits', () => {})"],
    ['describe.skip', "describe.skip('group', () => { it('waits', () => {}) })"],
    ['it.todo', "it.todo('waits')"],
    ['a skip from inside', "it('waits', ({ skip }) => skip())"],
  ])('refuses %s', async (_, body) => {
    await expect(runTests(body)).rejects.toThrow(/waits/)
  })

  it('refuses a test that is singled out', async () => {
    await expect(runTests("it.only('alone', () => {})")).rejects.toMatchObject({
      output: expect.stringContaining('Unexpected .only modifier'),
    })
  })

  it('counts what failed', async () => {
    await expect(runTests("it('fails', () => expect(1).toBe(2))")).rejects.toMatchObject({ failedTests: 1 })
  })
})
