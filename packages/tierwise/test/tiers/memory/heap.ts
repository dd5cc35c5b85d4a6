import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Each test file runs in a process of its own, so asking for the collector here affects nobody else.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes in use after a full collection, memory outside the heap included. */
export function usedBytes(): number {
  for (let round = 0; round < 3; round++) collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
