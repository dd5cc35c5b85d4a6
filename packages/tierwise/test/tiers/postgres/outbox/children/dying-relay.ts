import { writeSync } from 'node:fs'

import { createCacheManager } from '../../../../../src/create-cache-manager.ts'
import { memory } from '../../../../../src/tiers/memory/index.ts'
import { createInvalidationOutbox } from '../../../../../src/tiers/postgres/index.ts'

/** Arguments: url, schema. Dies when it has invalidated and before the row is removed. */
const [url = '', schema = ''] = process.argv.slice(2)
const manager = createCacheManager({ tiers: [memory()] })
manager.on('invalidate', ({ targets }) => {
  writeSync(1, targets.join())
  process.kill(process.pid, 'SIGKILL')
})
await createInvalidationOutbox({ url, schema }).relay(manager, { redeliverAfter: '500ms' })
