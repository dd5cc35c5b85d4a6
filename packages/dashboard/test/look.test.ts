import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser, type Watched } from './browser.ts'
import { served, stageOf, startTraffic } from './stage.ts'

const require = createRequire(import.meta.url)
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

let browser: Awaited<ReturnType<typeof startBrowser>>

beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser.close())

interface Finding {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** The rules of axe that are broken, the slight ones left out. */
async function findingsOf({ page }: Watched): Promise<readonly string[]> {
  // Not a script of the page: it runs in the world of the debugger, which the policy of the page does not bind.
  await page.evaluate(axe)
  const { violations } = (await page.evaluate('axe.run()')) as { violations: Finding[] }
  return violations
    .filter(({ impact }) => ['moderate', 'serious', 'critical'].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`)
}

const auditor = {
  report: () => ({
    checked: 40_000,
    unknown: 12,
    suspected: 1,
    inconsistent: 1,
    consistency: 39_999 / 40_000,
    nines: 4.6,
    inconsistencies: [{ kind: 'memory' as const, namespace: 'factors', key: 'key:1' }],
  }),
}
const rule = { name: 'StoreAlone', severity: 'critical', summary: 'It is left alone.' }
const alerts = { alerts: [{ rule, state: 'firing', labels: { tier: 'store' }, since: 0 }] }

describe.each(['dark', 'light'] as const)('the page in %s', (colorScheme) => {
  it.each([390, 1440])('is usable by everybody and no wider than %i px', async (width) => {
    const stage = stageOf()
    const { url } = await served(stage.manager, { allowWrites: true, showValues: true, auditor, alerts })
    startTraffic(stage, { keys: 1e6 })
    const watched = await browser.open(url, { colorScheme, viewport: { width, height: 900 } })
    const { page } = watched
    await page.locator('[data-namespace="factors"]').waitFor()
    stage.faults.fail('*')
    await page.locator('[data-stage="store"]').getByText('Left alone').waitFor()
    await page.getByLabel('Key', { exact: true }).fill('key:2')
    await page.keyboard.press('Enter')
    await page.locator('#lookup-result').waitFor()
    expect(await findingsOf(watched)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    await page.screenshot({ path: join(tmpdir(), `tierwise-dashboard-${colorScheme}-${width}.png`), fullPage: true })

    await page.getByRole('button', { name: 'Invalidate this key' }).click()
    await page.getByRole('dialog').waitFor()
    if (width === 390) expect(await findingsOf(watched)).toEqual([])
    expect(watched.complaints).toEqual([])
  })
})

describe('the page', () => {
  it('follows the system, and keeps a theme that was chosen', async () => {
    const { url } = await served(stageOf().manager)
    const { page } = await browser.open(url, { colorScheme: 'dark' })
    const ground = (): Promise<unknown> => page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
    await page.locator('[data-stage="memory"]').waitFor()
    const dark = await ground()
    await page.emulateMedia({ colorScheme: 'light' })
    await expect.poll(ground).not.toBe(dark)
    await page.emulateMedia({ colorScheme: 'dark' })
    await expect.poll(ground).toBe(dark)
    await page.getByRole('button', { name: 'Light theme' }).click()
    const light = await ground()
    expect(light).not.toBe(dark)
    await page.reload()
    await page.getByRole('button', { name: 'Dark theme' }).waitFor()
    expect(await ground()).toBe(light)
  })

  it('tells in words what its plots show', async () => {
    const stage = stageOf()
    startTraffic(stage)
    const { url } = await served(stage.manager)
    const { page } = await browser.open(url)
    const plot = page.getByRole('img', { name: /Reads a second over the last .* Now: memory \d/ })
    await plot.waitFor()
    expect(await plot.locator('canvas').count()).toBe(1)
  })

  it('takes less than 120 KB', () => {
    const folder = fileURLToPath(new URL('../dist/page', import.meta.url))
    const files = readdirSync(folder)
    expect(files.sort()).toEqual(['icon.svg', 'index.html', 'page.css', 'page.js'])
    const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0)
    expect(bytes).toBeLessThan(120 * 1024)
  })
})
