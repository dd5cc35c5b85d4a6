import { describe, expect, it } from 'vitest'
import { createTerminal } from '../src/terminal.ts'
import { bytesOf, durationText, millisecondsOf, sizeText } from '../src/units.ts'
import { projectWith, runProgram } from './run-program.ts'

function stream(isTTY: boolean, columns = 40) {
  let written = ''
  return { isTTY, columns, write: (text: string) => (written += text), text: () => written }
}

const parts = (isTTY: boolean) => ({ stdout: stream(isTTY), stderr: stream(isTTY), env: {} })

describe('a terminal', () => {
  it('never shows what it was told to hide, in any of its forms', () => {
    const { stdout, stderr, env } = parts(true)
    const terminal = createTerminal({ stdout, stderr, env })
    terminal.hide(['p"a/ss wörd', 'ab'])
    terminal.print('p"a/ss wörd about')
    terminal.note(JSON.stringify({ url: 'redis://:p%22a%2Fss%20w%C3%B6rd@x', password: 'p"a/ss wörd' }))
    terminal.progress('waiting for p"a/ss wörd')
    expect(stdout.text()).toBe('*** about\n')
    expect(stderr.text()).toBe('{"url":"redis://:***@x","password":"***"}\n\r\u001b[2Kwaiting for ***')
  })

  it('shows progress on a terminal alone, in one line that it takes away', () => {
    const shown = parts(true)
    const terminal = createTerminal(shown)
    terminal.progress('x'.repeat(100))
    terminal.print('done')
    expect(shown.stderr.text()).toBe(`\r\u001b[2K${'x'.repeat(39)}\r\u001b[2K`)
    const hidden = parts(false)
    createTerminal(hidden).progress('working')
    expect(hidden.stderr.text()).toBe('')
  })
})

describe('units', () => {
  it.each([
    ['64mb', 64 * 1024 ** 2],
    [512, 512],
    ['1.5kb', 1536],
    ['5 mins', undefined],
  ])('reads the size %s', (text, bytes) => {
    expect(bytesOf(text)).toBe(bytes)
  })

  it.each([
    ['5m', 300_000],
    ['forever', Infinity],
    ['250ms', 250],
    ['soon', undefined],
  ])('reads the duration %s', (text, milliseconds) => {
    expect(millisecondsOf(text)).toBe(milliseconds)
  })

  it('writes what people read', () => {
    expect([0, 512, 1536, 100 * 1024 ** 2, 5.5 * 1024 ** 3].map(sizeText)).toEqual([
      '0 bytes',
      '512 bytes',
      '1.5 KiB',
      '100 MiB',
      '5.5 GiB',
    ])
    expect([0.1234, 12.3, 1500, 90_000, Infinity].map(durationText)).toEqual([
      '0.12 ms',
      '12 ms',
      '1.5 s',
      '1.5 m',
      'for ever',
    ])
  })
})

describe('the tierwise of a project', () => {
  it('is the one that is used, and is told apart when it is too old', async () => {
    const cwd = projectWith({
      'node_modules/tierwise/package.json': JSON.stringify({
        name: 'tierwise',
        version: '0.0.1',
        exports: { '.': './index.js', './package.json': './package.json' },
      }),
      'node_modules/tierwise/index.js': '',
      'tierwise.config.yaml': 'tiers:\n  memory: {}\n',
    })
    const { code, stdout, stderr } = await runProgram(['config', 'check'], { cwd })
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toMatch(/This program needs tierwise \d+\.\d+\.\d+; this project has 0\.0\.1\./)
  })
})
