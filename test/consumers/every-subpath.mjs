// Every published subpath loads through import, and what it publishes is the same through require.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const require = createRequire(import.meta.url)
const { exports } = JSON.parse(readFileSync(require.resolve('tierwise/package.json'), 'utf8'))

const isModule = (path) => !path.endsWith('.json') && !path.includes('*')
for (const subpath of Object.keys(exports).filter(isModule)) {
  const name = `tierwise${subpath.slice(1)}`
  const imported = await import(name)
  const required = require(name)
  if (Object.keys(imported).length === 0) throw new Error(`${name} publishes nothing`)
  for (const [key, value] of Object.entries(imported)) {
    if (required[key] !== value) throw new Error(`${name} has two copies of ${key}`)
  }
}
