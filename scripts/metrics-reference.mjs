import { join } from 'node:path'
import { runnerImport } from 'vite'
import { root } from './command.mjs'

/**
 * The reference page of metrics, from their list.
 *
 * @typedef {typeof import('../packages/tierwise/src/observability/metrics/list.ts')} List
 */

const intro = [
  'Everything that `tierwise/prometheus` and `tierwise/opentelemetry` export; [the guide](../guide/metrics.md) says how.',
  'Names are those of Prometheus, with the prefix `tierwise_`. OpenTelemetry has them as `tierwise.gets`, without unit and `_total`.',
  'No label has keys for values. Namespaces beyond `maxNamespaces` are summed up as `other`.',
].join(' ')

/** @returns {Promise<string>} */
export async function metricsReference() {
  const path = join(root, 'packages/tierwise/src/observability/metrics/list.ts')
  const { module } = await runnerImport(path, { configFile: false, logLevel: 'error', root })
  const { metrics } = /** @type {List} */ (module)
  const rows = metrics.map(({ name, type, labels, help }) => {
    const names = labels.map((label) => `\`${label}\``).join(', ') || 'none'
    return `| \`tierwise_${name}\` | ${type} | ${names} | ${help} |`
  })
  const table = ['| metric | kind | labels | meaning |', '|---|---|---|---|', ...rows].join('\n')
  return [
    '# Metrics',
    intro,
    table,
    '---\nWritten by `node scripts/reference.mjs` from the sources; change those.\n',
  ].join('\n\n')
}
