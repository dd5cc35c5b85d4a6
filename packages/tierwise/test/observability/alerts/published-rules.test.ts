import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { alertRules } from '../../../src/observability/alerts/index.ts'
import { History } from '../../../src/observability/alerts/history.ts'
import { gather, type LabelledValue } from '../../../src/observability/alerts/vector.ts'
import { metrics } from '../../../src/observability/metrics/list.ts'
import { runProgram } from '../../../src/testing/servers/program.ts'
import { promtool } from '../../../src/testing/servers/prometheus-server.ts'

const folder = fileURLToPath(new URL('../../../monitoring/', import.meta.url))
const root = fileURLToPath(new URL('../../../../../', import.meta.url))
const read = (name: string): string => readFileSync(join(folder, name), 'utf8')

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Rule[] }[]
}
interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly annotations?: Readonly<Record<string, string>>
}
interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[]
}

const rules = (parse(read('alerts.yml')) as RuleFile).groups.flatMap((group) => group.rules)
const alerts = rules.filter(({ alert }) => alert !== undefined)
const dashboards = readdirSync(join(folder, 'grafana')).map((name) => JSON.parse(read(`grafana/${name}`)) as Dashboard)
const panels = dashboards.flatMap((dashboard) => dashboard.panels)
const expressions = [
  ...rules.map(({ alert = '', record = '', expr }) => [alert + record, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
]

describe('what is published for Prometheus and Grafana', () => {
  test('says what the sources say', () => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/monitoring.mjs'), '--check'], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    expect(status).toBe(0)
  })

  test('names metrics that are exported, with labels that they have', () => {
    for (const [name, expression] of expressions) {
      const found = [...expression.matchAll(/tierwise_(\w+?)(_bucket|_sum|_count)?\b(?:\{([^}]*)\})?/g)]
      expect(found.length, name).toBeGreaterThan(0)
      for (const [, metricName, part = '', matchers = ''] of found) {
        const metric = metrics.find((each) => each.name === metricName)
        expect(metric?.type === 'histogram', `${name}: ${metricName}${part}`).toBe(part !== '')
        const labels = [...matchers.matchAll(/(\w+)=~?"/g)].map(([, label]) => label)
        for (const label of labels)
          expect([...(metric?.labels ?? []), 'job', 'instance'], `${name}: ${metricName}`).toContain(label)
      }
    }
  })

  test('is accepted by promtool, the expressions of dashboards too', async () => {
    const place = await mkdtemp(join(tmpdir(), 'tierwise-rules-'))
    try {
      const filled = panels.flatMap(({ targets }, panel) =>
        targets.map(({ expr }, target) => ({
          record: `panel:${panel}:${target}`,
          expr: expr.replaceAll(/\$__rate_interval|\$__range/g, '5m').replaceAll(/\$(job|instance)/g, '.*'),
        })),
      )
      expect(filled.every(({ expr }) => !expr.includes('$'))).toBe(true)
      writeFileSync(join(place, 'panels.json'), JSON.stringify({ groups: [{ name: 'panels', rules: filled }] }))
      const output = await runProgram(promtool(), [
        'check',
        'rules',
        join(folder, 'alerts.yml'),
        join(place, 'panels.json'),
      ])
      expect(output).toContain(`SUCCESS: ${rules.length} rules found`)
      expect(output).toContain(`SUCCESS: ${filled.length} rules found`)
    } finally {
      await rm(place, { recursive: true })
    }
  })

  test('fires and is quiet as promtool is told', async () => {
    expect(await runProgram(promtool(), ['test', 'rules', 'alerts.test.yml'], { cwd: folder })).toContain('SUCCESS')
  }, 60_000)

  test('leads from every alert to a heading of the guide', () => {
    for (const { alert, annotations } of alerts) {
      const [page = '', anchor = ''] = (annotations?.['runbook'] ?? '').split('#')
      const headings = [...readFileSync(join(root, page), 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, text]) => text)
      expect(
        headings.map((text) => text?.toLowerCase().replaceAll(' ', '-')),
        alert,
      ).toContain(anchor)
    }
  })
})

interface RuleTest {
  readonly name: string
  readonly input_series: readonly { readonly series: string; readonly values: string }[]
  readonly alert_rule_test?: readonly {
    readonly eval_time: string
    readonly alertname: string
    readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[]
  }[]
}

describe('the rules in process', () => {
  const cases = (parse(read('alerts.test.yml')) as { tests: RuleTest[] }).tests.filter((each) => each.alert_rule_test)

  test('are tried with a case that fires and one that does not, each', () => {
    const firing = (name: string, fires: boolean): boolean =>
      cases.some(({ alert_rule_test: [last] = [], name: title }) => {
        const isFiring = last !== undefined && / fires/.test(title)
        return last?.alertname === name && isFiring === fires
      })
    for (const { name } of alertRules()) {
      expect(firing(name, true), name).toBe(true)
      expect(firing(name, false), name).toBe(true)
    }
  })

  test.each(cases.map((each) => [each.name, each] as const))('%s, as Prometheus does', (_, ruleCase) => {
    const expected = ruleCase.alert_rule_test!.at(-1)!
    const rule = alertRules().find(({ name }) => name === expected.alertname)!
    const history = new History(rule.condition.series, rule.condition.windowMs)
    const since = new Map<string, number>()
    let firing: LabelledValue[] = []
    for (let minute = 0; minute <= 30; minute++) {
      history.add(minute * 60_000, ({ metric, match, by }) => {
        const values = ruleCase.input_series
          .flatMap((input) => valueAt(input, metric, minute))
          .filter(({ labels }) =>
            Object.entries(match).every(([name, pattern]) => new RegExp(`^(${pattern})$`).test(labels[name] ?? '')),
          )
        const isGauge = metrics.find(({ name }) => name === metric)?.type === 'gauge'
        const names = metric.endsWith('_bucket') ? [...by, 'le'] : by
        return gather(values, names, isGauge ? Math.max : (a, b) => a + b)
      })
      const found = rule.condition.evaluate(history)
      for (const key of since.keys()) if (!found.has(key)) since.delete(key)
      for (const key of found.keys()) if (!since.has(key)) since.set(key, minute)
      firing = [...found].filter(([key]) => (minute - since.get(key)!) * 60_000 >= rule.forMs).map(([, each]) => each)
    }
    const labels = expected.exp_alerts.map(
      ({ exp_labels: { job: _job, instance: _in, severity: _sev, ...rest } }) => rest,
    )
    expect(firing.map((each) => each.labels)).toEqual(labels)
  })
})

/** The value of an input series of promtool at a minute, if it is of that metric. Counters with other labels add up. */
function valueAt(
  { series, values }: RuleTest['input_series'][number],
  metric: string,
  minute: number,
): LabelledValue[] {
  const [, name, list = ''] = /^tierwise_(\w+)\{(.*)\}$/.exec(series) ?? []
  if (name !== metric) return []
  const labels = Object.fromEntries([...list.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label!, value!]))
  const all = values.split(' ').flatMap((part) => {
    const [, start, step, , times] = /^([\d.]+)(\+([\d.]+))?(?:x(\d+))?$/.exec(part) ?? []
    const count = Number(times ?? 0)
    return Array.from({ length: count + 1 }, (_, index) => Number(start) + index * Number((step ?? '+0').slice(1)))
  })
  return minute < all.length ? [{ labels, value: all[minute]! }] : []
}
