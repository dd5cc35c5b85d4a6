import { expect, it } from 'vitest'
import { atOnce, startFleet } from '../fleet.ts'
import { Source } from './source.ts'

it.each([{ after: true }, { after: false }])(
  'a load that fails is stood in for by what memory holds, unless that is older than its token (token: $after)',
  async ({ after }) => {
    const { members } = await startFleet({ defaults: { ttl: '1h', grace: '1h' } })
    const [a, b] = members
    const source = new Source()
    await atOnce(b!.cache.set('k', source.value))
    b!.instance.messages.hold()
    const { token } = await atOnce(a!.cache.invalidate('k'))
    const load = source.hold(b!.cache, after ? { after: token } : { forceFresh: true })
    await atOnce(new Promise((resolve) => setImmediate(resolve)))
    load.fail()
    if (after) await expect(atOnce(load.result)).rejects.toThrow('the source is down')
    else expect(await atOnce(load.result)).toBe(1)
    b!.instance.messages.release()
  },
)
