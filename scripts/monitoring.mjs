import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { runnerImport } from 'vite'
import { root } from './command.mjs'
import { ruleTests } from './monitoring-cases.mjs'
import { dashboards } from './monitoring-dashboards.mjs'

/**
 * Writes what the package brings for Prometheus and Grafana, from the list of alert rules: the rule file, the tests of it
 * for promtool, and the dashboards. With `--check` it only says which are out of date.
 *
 * @typedef {typeof import('../packages/tierwise/src/observability/alerts/index.ts')} Alerts
 */

const folder = 'packages/tierwise/monitoring'
const { stringify } = createRequire(join(root, 'packages/tierwise/package.json'))('yaml')
const path = join(root, 'packages/tierwise/src/observability/alerts/index.ts')
const { module } = await runnerImport(path, { configFile: false, logLevel: 'error', root })
const { alertRules, prometheusRules } = /** @type {Alerts} */ (module)
const rules = prometheusRules(alertRules())

/** @param {unknown} content */
function yaml(content) {
  const text = stringify(content, { lineWidth: 0 })
  return `# Written by scripts/monitoring.mjs from the rules of tierwise/alerts.\n${text}`
}

/** What is written, by its path. @type {Record<string, string>} */
const files = {
  [`${folder}/alerts.yml`]: yaml(rules),
  [`${folder}/alerts.test.yml`]: yaml(ruleTests(rules)),
  ...Object.fromEntries(
    Object.entries(dashboards).map(([name, dashboard]) => [
      `${folder}/grafana/${name}.json`,
      `${JSON.stringify(dashboard, undefined, 2)}\n`,
    ]),
  ),
}

/** Writes one file, or says that it is out of date. @param {string} name @param {string} text */
function bring(name, text) {
  const file = join(root, name)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return true
  if (process.argv.includes('--check')) return false
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return true
}

const outdated = Object.entries(files).filter(([name, text]) => !bring(name, text))
if (outdated.length > 0) {
  console.error(`Out of date: ${outdated.map(([name]) => name).join(', ')}. Run \`node scripts/monitoring.mjs\`.`)
  process.exitCode = 1
}
