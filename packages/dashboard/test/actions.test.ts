import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './browser.ts'
import { served, stageOf } from './stage.ts'

let browser: Awaited<ReturnType<typeof startBrowser>>

beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser.close())

describe('looking up', () => {
  it('shows what each tier holds, and no value unless told to', async () => {
    const { manager } = stageOf()
    await manager.namespace('factors').set('steel', 'a secret value', { tags: ['metals'] })
    const { url } = await served(manager)
    const { page, complaints } = await browser.open(url)
    await page.getByLabel('Key', { exact: true }).fill('steel')
    await page.getByRole('button', { name: 'Look up', exact: true }).click()
    const result = page.locator('#lookup-result')
    await result.locator('[data-tier="memory"]').getByText('fresh').waitFor()
    await result.locator('[data-tier="store"]').getByText('fresh').waitFor()
    await result.getByText('metals').waitFor()
    expect(await page.content()).not.toContain('a secret value')
    expect(manager.analytics().overall.gets).toBe(0)

    await page.getByLabel('Key', { exact: true }).fill('glass')
    await page.keyboard.press('Enter')
    await result.locator('[data-tier="memory"]').getByText('absent').waitFor()
    expect(complaints).toEqual([])
  })

  it('shows the value where that is allowed', async () => {
    const { manager } = stageOf()
    await manager.namespace('factors').set('steel', { kg: 1.85 })
    const { url } = await served(manager, { showValues: true })
    const { page } = await browser.open(url)
    await page.getByLabel('Key', { exact: true }).fill('steel')
    await page.keyboard.press('Enter')
    await page.getByText('{ kg: 1.85 }').waitFor()
  })

  it('looks for the entry of a tenant', async () => {
    const { manager } = stageOf({ namespaces: { orders: { ttl: '1h', tenant: 'required' } } })
    await manager.namespace('orders').forTenant('acme').set('1', 'first')
    const { url } = await served(manager)
    const { page } = await browser.open(url)
    await page.getByLabel('Key', { exact: true }).fill('1')
    await page.keyboard.press('Enter')
    await page.locator('#lookup [role=alert]').getByText('tenant').waitFor()
    await page.getByLabel('Tenant, if it has any').fill('acme')
    await page.keyboard.press('Enter')
    await page.locator('#lookup-result [data-tier="memory"]').getByText('fresh').waitFor()
  })
})

describe('invalidating', () => {
  it('a key, with nothing but the keyboard', async () => {
    const { manager } = stageOf()
    const factors = manager.namespace('factors')
    await factors.set('steel', 1.85)
    await factors.set('glass', 0.9)
    const { url } = await served(manager, { allowWrites: true })
    const { page, complaints } = await browser.open(url)
    await page.locator('[data-stage="memory"]').waitFor()
    const press = async (key: string, isThere: string): Promise<void> => {
      for (let times = 0; times < 80; times++) {
        await page.keyboard.press(key)
        if (await page.evaluate(isThere)) return
      }
      throw new Error(`${key} does not lead there: ${isThere}`)
    }
    await press('Tab', `document.activeElement?.name === 'key'`)
    await page.keyboard.type('steel')
    await page.keyboard.press('Enter')
    await page.locator('#lookup-result').getByText('fresh').first().waitFor()
    const isOnButton = `document.activeElement?.textContent?.startsWith('Invalidate this key')`
    await press('Tab', isOnButton)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Invalidate this key?' }).waitFor()
    // The harmless button comes first, and nothing has happened yet.
    expect(await page.evaluate('document.activeElement?.textContent')).toBe('Leave it')
    expect(await factors.has('steel')).toBe(true)
    await page.keyboard.press('Escape')
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
    expect(await page.evaluate(isOnButton)).toBe(true)

    await page.keyboard.press('Enter')
    await press('Tab', `document.activeElement?.textContent === 'Invalidate'`)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByText('It was held and is gone.').waitFor()
    expect(await factors.has('steel')).toBe(false)
    expect(await factors.has('glass')).toBe(true)
    await page.keyboard.press('Enter')
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
    await page.locator('#lookup-result [data-tier="store"]').getByText('absent').waitFor()
    expect(complaints).toEqual([])
  })

  it('a tag and a namespace', async () => {
    const { manager } = stageOf()
    const [factors, products] = [manager.namespace('factors'), manager.namespace('products')]
    await factors.set('steel', 1.85, { tags: ['metals'] })
    await factors.set('glass', 0.9)
    await products.set('chair', 1)
    const { url } = await served(manager, { allowWrites: true })
    const { page } = await browser.open(url)

    await page.getByLabel('Tag', { exact: true }).fill('metals')
    await page.getByRole('button', { name: 'Invalidate by tag' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Invalidate', exact: true }).click()
    await page.getByRole('dialog').getByText('was invalidated').waitFor()
    expect([await factors.has('steel'), await factors.has('glass')]).toEqual([false, true])
    await page.getByRole('button', { name: 'Close' }).click()

    await page.getByRole('button', { name: 'Clear … factors' }).click()
    await page.getByRole('dialog', { name: 'Clear this namespace?' }).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Invalidate', exact: true }).click()
    await page.getByRole('dialog').getByText('was invalidated').waitFor()
    expect([await factors.has('glass'), await products.has('chair')]).toEqual([false, true])
  })

  it('is not offered on a read-only page', async () => {
    const { manager } = stageOf()
    await manager.namespace('factors').set('steel', 1.85)
    const { url } = await served(manager)
    const { page } = await browser.open(url)
    await page.getByLabel('Key', { exact: true }).fill('steel')
    await page.keyboard.press('Enter')
    await page.locator('#lookup-result').getByText('fresh').first().waitFor()
    expect(await page.getByRole('button', { name: /Invalidate|Clear/ }).count()).toBe(0)
    await page.getByText('This dashboard is read-only').waitFor()
    // Not even for those who know the way.
    const body = JSON.stringify({ what: 'key', namespace: 'factors', key: 'steel' })
    const headers = JSON.stringify({ 'content-type': 'application/json', 'x-tierwise-dashboard': '1' })
    const send = `fetch('api/invalidate', { method: 'POST', headers: ${headers}, body: ${JSON.stringify(body)} })`
    expect(await page.evaluate(`${send}.then(({ status }) => status)`)).toBe(403)
    expect(await manager.namespace('factors').has('steel')).toBe(true)
  })
})
