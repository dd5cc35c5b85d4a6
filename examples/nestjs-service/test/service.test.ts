import { expect, test } from 'vitest'
import { running } from './running.ts'

test('the process serves cached factors, and ends well when it is told to', async () => {
  const answers: unknown[] = []
  const run = await running(async (origin) => {
    const ask = async (path: string, method = 'GET'): Promise<void> => {
      answers.push(await (await fetch(`${origin}/${path}`, { method })).json())
    }
    await ask('steel')
    await ask('steel')
    await ask('steel=1.9', 'PUT')
    await ask('steel')
  })
  expect(answers).toEqual([
    { material: 'steel', factor: 1.85 },
    { material: 'steel', factor: 1.85 },
    { material: 'steel', factor: 1.9 },
    { material: 'steel', factor: 1.9 },
  ])
  // Once everything is closed, Nest ends the process with the signal that it was told to end by.
  expect(run).toMatchObject({ code: null, output: expect.stringMatching(/serving at .+\nthe cache is stopp/) })
  expect(run.output).toContain('the cache is stopped')
})
