import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isAlive } from '../../../src/testing/servers/process-children.ts'
import { ServerFolder } from '../../../src/testing/servers/server-folder.ts'
import { until } from '../../../src/testing/servers/until.ts'
import {
  bundleStarter,
  leftIn,
  makeTemporaryFolder,
  removeFolder,
  runStarter,
  type Starter,
} from './starter-process.ts'

let bundles: string
let file: string
let temporary: string
const starters: Starter[] = []

beforeAll(async () => {
  bundles = makeTemporaryFolder()
  temporary = makeTemporaryFolder()
  file = await bundleStarter(bundles)
})

afterEach(() => {
  for (const starter of starters.splice(0)) starter.process.kill('SIGKILL')
})

afterAll(() => {
  removeFolder(bundles)
  removeFolder(temporary)
})

function start(...args: readonly string[]): Starter {
  const starter = runStarter(file, args, temporary)
  starters.push(starter)
  return starter
}

async function nothingIsLeft(pids: readonly number[]): Promise<void> {
  await until(() => !pids.some(isAlive), { what: `the end of the processes ${pids.join()}`, timeoutMs: 10_000 })
  await until(() => leftIn(temporary).length === 0, { what: 'the removal of all folders', timeoutMs: 10_000 })
}

// Real time: fourteen servers are started one after the other, on a machine that may be busy.
describe('ServerFolder', { timeout: 60_000 }, () => {
  it('takes the servers along when the process that started them is killed', async () => {
    const starter = start('redis', 'postgres', 'cluster', 'sentinel')
    const pids = await starter.started
    expect(pids).toHaveLength(1 + 1 + 6 + 6)
    expect(pids.every(isAlive)).toBe(true)
    expect(leftIn(temporary)).toHaveLength(4)
    starter.process.kill('SIGKILL')
    await nothingIsLeft(pids)
  })

  it('takes servers along that are stopped where they are', async () => {
    const starter = start('redis', 'postgres', 'paused')
    const pids = await starter.started
    starter.process.kill('SIGKILL')
    await nothingIsLeft(pids)
  })

  it('lets a process end that did not stop its servers, and takes them along', async () => {
    const starter = start('redis', 'postgres', 'end')
    const pids = await starter.started
    expect(await starter.ended).toEqual([0, null])
    await nothingIsLeft(pids)
  })

  it('leaves nothing of a start that is killed in the middle', async () => {
    for (let turn = 0; turn < 8; turn++) {
      const starter = start(turn % 2 === 0 ? 'redis' : 'postgres')
      await starter.begins
      // Real time: the point is to hit any moment of a real start.
      const ms = randomInt(turn % 2 === 0 ? 25 : 250)
      await sleep(ms)
      starter.process.kill('SIGKILL')
      await starter.ended
      await until(() => leftIn(temporary).length === 0, {
        what: `the removal of all folders after a kill at ${ms} ms`,
        timeoutMs: 10_000,
        explain: async () => leftIn(temporary).join('\n'),
      })
    }
  })

  it('is gone after it was removed, and can be removed again', async () => {
    const folder = await ServerFolder.create({ kind: 'test' })
    const path = await folder.makeFolder('server')
    expect(existsSync(path)).toBe(true)
    await folder.remove()
    await folder.remove()
    expect(existsSync(folder.path)).toBe(false)
  })
})
