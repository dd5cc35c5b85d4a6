import assert from 'node:assert/strict'
import { serveDashboard } from '@tierwise/dashboard'
import { createCacheManager } from 'tierwise'
import { memory } from 'tierwise/memory'

// The page is part of the package, and is found where it was installed.
const manager = createCacheManager({ tiers: [memory()] })
const dashboard = await serveDashboard(manager)
const page = await fetch(dashboard.address)
assert.equal(page.status, 200)
for (const [, file] of (await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)) {
  const { status } = await fetch(new URL(file, dashboard.address))
  assert.equal(status, 200, file)
}
await dashboard.stop()
await manager.stop()
