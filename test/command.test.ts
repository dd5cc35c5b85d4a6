import { describe, expect, it } from 'vitest'
import { capture, CommandFailed } from '../scripts/command.mjs'

const node = process.execPath

describe('capture', () => {
  it('resolves to everything that was printed', async () => {
    expect(await capture(node, ['-e', "process.stdout.write('out'); console.error('err')"])).toContain('out')
  })

  it('rejects with the output and the exit code', async () => {
    const failure = await capture(node, ['-e', "console.log('why'); process.exit(3)"]).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CommandFailed)
    expect(failure).toMatchObject({ output: 'why\n', message: expect.stringContaining('code 3') })
  })

  it('ends a command that takes too long, and what it started', async () => {
    // The grandchild holds the same output, which therefore closes only when it has ended as well.
    const wait = 'setInterval(() => {}, 1000)'
    const start = `require('node:child_process').spawn(process.execPath, ['-e', '${wait}'], { stdio: 'inherit' })`
    const run = capture(node, ['-e', `${start}; ${wait}`], { timeoutMs: 1000 })
    await expect(run).rejects.toThrow('SIGKILL')
  })
})
