import { createCacheManager, type CacheManager } from 'tierwise'
import { alertRules, watchAlerts } from 'tierwise/alerts'
import { memory } from 'tierwise/memory'
import { redis } from 'tierwise/redis'
import { startRedis } from 'tierwise/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { figureOf, startBrowser } from './browser.ts'
import { served, stageOf, startTraffic } from './stage.ts'

let browser: Awaited<ReturnType<typeof startBrowser>>

beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser.close())

describe('the page', () => {
  it('signs in by its fragment and shows numbers that move with the traffic', async () => {
    const stage = stageOf()
    const { url, token } = await served(stage.manager)
    const { page, complaints, foreign } = await browser.open(url)
    await page.locator('[data-stage="memory"]').waitFor()
    expect(await figureOf(page, 'reads')).toMatch(/^(–|0)$/)

    const stopTraffic = startTraffic(stage)
    await expect.poll(() => figureOf(page, 'reads').then(Number)).toBeGreaterThan(20)
    await expect.poll(() => page.locator('[data-namespace="factors"] td').first().textContent()).not.toBe('0')
    await expect.poll(() => figureOf(page, 'hit-rate').then(Number.parseFloat)).toBeGreaterThan(50)
    expect(page.url()).not.toContain(token!)
    expect(await page.evaluate('document.cookie')).toBe('')

    await stopTraffic()
    await expect.poll(() => figureOf(page, 'reads')).toBe('0')
    expect(complaints).toEqual([])
    expect(foreign).toEqual([])
  })

  it('shows a breaker that opens within two seconds, and that it closes again', async () => {
    const stage = stageOf()
    const rules = alertRules({ for: Object.fromEntries(alertRules().map(({ name }) => [name, 0])) })
    const alerts = watchAlerts(stage.manager, { rules, interval: '200ms', onAlert: () => {} })
    onTestFinished(() => alerts.stop())
    const { url } = await served(stage.manager, { interval: '1s', alerts })
    startTraffic(stage, { keys: 1e6 })
    const { page, complaints } = await browser.open(url)
    const store = page.locator('[data-stage="store"]')
    await store.getByText('Well').waitFor()
    let openedAt = 0
    stage.manager.on('breaker', ({ state }) => {
      if (state === 'open') openedAt ||= Date.now()
    })

    stage.faults.fail('*')
    await expect.poll(() => openedAt, { timeout: 10_000, interval: 20 }).toBeGreaterThan(0)
    await store.getByText('Left alone').waitFor()
    expect(Date.now() - openedAt).toBeLessThan(2000)
    await page.locator('#feed').getByText('breaker opened').first().waitFor()
    await expect.poll(() => page.locator('#announcer').textContent()).toContain('Not well: store')
    await page.locator('header.top').getByText('Degraded').waitFor()
    await page.locator('#alerts').getByText('CacheTierUnavailable').first().waitFor()

    stage.faults.clear()
    await store.getByText('Well').waitFor({ timeout: 10_000 })
    await page.locator('#feed').getByText('breaker closed').first().waitFor()
    expect(complaints).toEqual([])
  })

  it('shows what other instances change, and who may load', async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const instance = (): CacheManager =>
      createCacheManager({ tiers: [memory(), redis({ url: server.url })], prefix: `dashboard-${process.pid}` })
    const [here, there] = [instance(), instance()]
    onTestFinished(async () => void (await Promise.all([here.stop(), there.stop()])))
    await Promise.all([here.start(), there.start()])
    const { url } = await served(here)
    const { page, complaints } = await browser.open(url)
    await page.locator('[data-stage="redis"]').getByText('Well').waitFor()
    await expect.poll(() => figureOf(page, 'bus')).toMatch(/^\d+(\.\d+)? (ms|s|ns)$/)

    await here.namespace('factors').getOrSet('steel', () => 1.85)
    await page.locator('#feed').getByText('factors: leases to load, answered granted').waitFor()
    await there.namespace('factors').invalidate('steel')
    await page.locator('[data-figure="bus"]').getByText('1 change of others applied').waitFor()
    await page.locator('[data-namespace="factors"]').getByText('1 by others').waitFor()
    await page.locator('[data-namespace="factors"]').getByText('bounded').waitFor()
    expect(complaints).toEqual([])
  })

  it('shows keys as text, whatever they are made of', async () => {
    const stage = stageOf()
    const key = '<img src=x onerror="document.title=`taken`">'
    const auditor = {
      report: () => ({
        checked: 2000,
        unknown: 3,
        suspected: 0,
        inconsistent: 1,
        consistency: 0.9995,
        nines: 3.3,
        inconsistencies: [{ kind: 'memory' as const, namespace: 'factors', key }],
      }),
    }
    const alerts = { alerts: [{ rule: { name: key, summary: key }, state: 'firing', labels: { tier: key } }] }
    const { url } = await served(stage.manager, { auditor, alerts, showValues: true, allowWrites: true })
    await stage.manager.namespace('factors').set(key, key, { tags: [key] })
    const { page, complaints } = await browser.open(url)
    await page.locator('#consistency').getByText(key).waitFor()
    await page.locator('#consistency').getByText('3.3 nines').waitFor()
    await page.locator('#alerts').getByText(key).first().waitFor()
    await stage.manager.namespace('factors').invalidate([key])
    await page.locator('#feed').getByText(key).first().waitFor()
    await stage.manager.namespace('factors').set(key, key, { tags: [key] })
    await page.getByLabel('Key', { exact: true }).fill(key)
    await page.getByRole('button', { name: 'Look up', exact: true }).click()
    await page.locator('#lookup-result').getByText('fresh').first().waitFor()
    await page.getByRole('button', { name: 'Invalidate this key' }).click()
    await page.getByRole('dialog').getByText(key).waitFor()
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.title()).not.toContain('taken')
    expect(complaints).toEqual([])
  })
})

describe('a page that is not connected', () => {
  it('says so, tells the age of its numbers, and comes back by itself', async () => {
    const stage = stageOf()
    const options = { token: 'a token that stays the same', interval: '250ms' } as const
    const first = await served(stage.manager, options)
    const port = Number(new URL(first.address).port)
    const { page } = await browser.open(`${first.address}#token=${options.token}`)
    await page.locator('[data-stage="memory"]').waitFor()

    await first.stop()
    await page.getByText('Not connected.').waitFor()
    await page
      .locator('#banner')
      .getByText(/is [1-9] s old/)
      .waitFor()
    expect(await page.locator('.board').getAttribute('class')).toContain('is-old')

    // The same token is enough: nobody signs in again because of a restart.
    await served(stage.manager, { ...options, port })
    await expect.poll(() => page.locator('#banner').count(), { timeout: 10_000 }).toBe(0)
    expect(await page.locator('.board').getAttribute('class')).not.toContain('is-old')
  })

  it('asks for the token again when it is another one', async () => {
    const stage = stageOf()
    const first = await served(stage.manager)
    const port = Number(new URL(first.address).port)
    const { page } = await browser.open(first.url)
    await page.locator('[data-stage="memory"]').waitFor()
    await first.stop()
    const second = await served(stage.manager, { port })
    await page.getByLabel('Token').waitFor({ timeout: 10_000 })

    await page.getByLabel('Token').fill('something else')
    await page.keyboard.press('Enter')
    await page.getByText('That is not the token.').waitFor()
    await page.getByLabel('Token').fill(second.token!)
    await page.keyboard.press('Enter')
    await page.locator('[data-stage="memory"]').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token').waitFor()
  })

  it('says that the cache has been stopped', async () => {
    const stage = stageOf()
    const { url } = await served(stage.manager)
    const { page, complaints } = await browser.open(url)
    await page.locator('[data-stage="memory"]').waitFor()
    await stage.manager.stop()
    await page.getByText('The cache has been stopped.').waitFor()
    expect(complaints).toEqual([])
  })
})
