import { afterEach, describe, expect, test } from 'vitest'

import { governanceMarkdown } from '../../../src/governance/index.ts'
import { fakeRuntime, testCache } from '../../../src/testing/index.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

describe('the report as Markdown', () => {
  test('says that there is nothing to say', () => {
    const { manager, stop } = testCache().build()
    stops.push(stop)
    expect(governanceMarkdown(manager.governanceReport())).toContain('## Broken rules\n\nNone.\n')
  })

  test('shows what was broken, where and by whom', async () => {
    const { manager, stop } = testCache()
      .memory()
      .runtime(fakeRuntime({ now: Date.UTC(2026, 0, 2) }))
      .options({ governance: { dataClasses: { short: { ttl: '5m' } } } })
      .namespace('curves', { dataClass: 'short', keyFormat: 'curves:.+', maxEntries: 10, governance: 'warn' })
      .namespace('factors', { maxTtl: '24h', license: 'ecoinvent' })
      .namespace('a', {})
      .build()
    stops.push(stop)
    await manager.namespace('curves').set('cur|ves/1', 1)
    await manager.namespace('curves').set('cur|ves/2', 1)
    await manager
      .namespace('factors')
      .set('steel:1', 1, { ttl: '2d' })
      .catch(() => undefined)
    await manager.namespace('a').set('x', 1, { ttl: 'forever' })
    expect(governanceMarkdown(manager.governanceReport())).toMatchInlineSnapshot(`
      "# Governance

      As of 2026-01-02T00:00:00.000Z, since the start of the process.

      | what | count |
      | --- | --- |
      | operations that rules were looked at for | 4 |
      | broken rules | 3 |
      | calls with a ttl of their own | 2 |
      | entries without an end | 1 |

      ## Broken rules

      | rule | count |
      | --- | --- |
      | key-format | 2 |
      | license | 1 |

      ## Namespaces

      | namespace | mode | class | cap | operations | broken | done about it | overrides | immortal | quota |
      | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
      | a | enforce |  | none | 1 | 0 |  | 1 | 1 | 1 entries, 112 bytes |
      | curves | warn | short | none | 2 | 2 | counted 2 | 0 | 0 | 2 of 10 entries, 240 bytes |
      | factors | enforce |  | 86400 s, ecoinvent | 1 | 1 | refused 1 | 1 | 0 | 0 entries, 0 bytes |

      ## Worst offenders

      | namespace | rule | keys | count |
      | --- | --- | --- | --- |
      | curves | key-format | \`cur\\|ves/*\` | 2 |
      | factors | license | \`steel:*\` | 1 |
      "
    `)
  })
})
