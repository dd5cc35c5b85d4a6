import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'

import { TenantViews } from '../../../src/core/tenants/tenant-views.ts'
import { until } from '../../../src/testing/servers/until.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const whole = { ns: { name: 'test', policy: { tags: [] } }, cache: {} } as unknown as ConstructorParameters<
  typeof TenantViews
>[0]

test('views of tenants that nobody has any more are given up', async () => {
  const views = new TenantViews(whole)
  const kept = views.of('kept')
  for (let n = 0; n < 10_000; n++) views.of(`tenant-${n}`)
  await until(
    () => {
      collect()
      return views.size < 100
    },
    { what: 'the views to be collected' },
  )
  expect(views.of('kept')).toBe(kept)
  expect(views.of('tenant-1').name).toBe('test')
})
