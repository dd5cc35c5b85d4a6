import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'

import { startRedis } from '../../../src/testing/servers/index.ts'
import { isWord, startChild } from '../../tiers/disk/child-process.ts'
import { alertEngineCases } from '../integration/alert-engine-cases.ts'
import { bundledChild } from '../integration/bundled-child.ts'
import { onRedis } from '../integration/worlds.ts'

const server = await startRedis({ dedicated: true })
afterAll(() => server.stop())
const evaluator = await bundledChild('evaluator')

alertEngineCases(onRedis(() => server))

describe('four processes that evaluate at once', () => {
  it('tell each alert once as firing and once as resolved', async () => {
    const prefix = `tw-${randomUUID()}`
    const children = Array.from({ length: 4 }, () => startChild(evaluator, [server.url, prefix, '99']))
    await Promise.all(children.map((child) => child.message(isWord('ready'))))
    for (const child of children) child.process.send('go')
    const told = (await Promise.all(children.map((child) => child.message(isTold)))).flatMap((each) => each.told)
    await Promise.all(children.map((child) => child.ended))
    expect(new Set(told).size, 'nothing twice').toBe(told.length)
    // Minutes 0 to 19, 40 to 59 and 80 to 99 fire; in the last ones nothing is over.
    const count = (text: string): number => told.filter((each) => each.startsWith(text)).length
    expect([count('firing a'), count('resolved a'), count('firing b'), count('resolved b')]).toEqual([3, 2, 3, 2])
  })
})

function isTold(message: unknown): message is { readonly told: readonly string[] } {
  return typeof message === 'object' && message !== null && 'told' in message
}
