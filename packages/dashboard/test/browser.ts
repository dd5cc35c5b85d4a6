import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'

/** What a page has said that a good page does not say. */
export interface Watched {
  readonly page: Page
  /** Errors and warnings of the console, broken content security policies, and what was thrown. */
  readonly complaints: string[]
  /** Addresses elsewhere that were asked for. */
  readonly foreign: string[]
}

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A browser of its own for a file of tests; `close` ends it and removes its folder. */
export async function startBrowser(): Promise<{
  open(url: string, options?: BrowserContextOptions): Promise<Watched>
  close(): Promise<void>
}> {
  const home = mkdtempSync(join(tmpdir(), 'tierwise-browser-'))
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: flags,
    env: { ...process.env, HOME: home },
  })
  return {
    open: async (url, options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options })
      onTestFinished(() => context.close())
      return watch(context, url)
    },
    close: async () => {
      await browser.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

async function watch(context: BrowserContext, url: string): Promise<Watched> {
  const page = await context.newPage()
  const complaints: string[] = []
  const foreign: string[] = []
  const { origin } = new URL(url)
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`thrown: ${error.message}`))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) foreign.push(request.url())
  })
  await page.goto(url)
  return { page, complaints, foreign }
}

/** The number in a figure of the first row, without units. */
export async function figureOf(page: Page, id: string): Promise<string> {
  return (await page.locator(`[data-figure="${id}"] .value`).textContent()) ?? ''
}
