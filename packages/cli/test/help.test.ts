import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { runProgram } from './run-program.ts'

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runProgram(args, { cwd: tmpdir(), env })

const commands = [[], ['init'], ['config'], ['config', 'check'], ['config', 'print'], ['doctor'], ['report']]

describe('help', () => {
  it.each(commands.map((path) => ({ path, name: path.join(' ') || 'program' })))(
    'of $name teaches',
    async ({ path, name }) => {
      const { code, stdout, stderr } = await run([...path, '--help'])
      await expect(stdout).toMatchFileSnapshot(`golden/help-${name.replaceAll(' ', '-')}.txt`)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    },
  )

  it('has a version', async () => {
    const { stdout, code } = await run(['--version'])
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(code).toBe(0)
  })
})

describe('a wrong command line', () => {
  it.each([
    { args: [], says: 'Usage: tierwise' },
    { args: ['inti'], says: '(Did you mean init?)' },
    { args: ['init', '--fromat', 'ts'], says: '(Did you mean --format?)' },
    { args: ['init', '--format', 'toml'], says: 'Allowed choices are yaml, ts, json' },
    { args: ['init', 'extra'], says: 'too many arguments' },
  ])('`tierwise $args` ends with 2 and says why on stderr', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(args)
    expect(stderr).toContain(says)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})
