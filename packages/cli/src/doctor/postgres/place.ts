import type { ConfiguredTier, ExaminationContext } from '../configured-tier.ts'

/** Where the database of a tier is; undefined where PGlite runs in the application. */
export function urlOf({ options }: ConfiguredTier, { env }: Pick<ExaminationContext, 'env'>): string | undefined {
  if (options['dataDir'] !== undefined) return undefined
  return (options['url'] as string | undefined) ?? (env['DATABASE_URL'] || undefined)
}

/** Host, port and database of a URL; what is no URL is not shown. */
export function placeOfUrl(url: string): string {
  if (!URL.canParse(url)) return 'the URL cannot be read'
  const { host, pathname } = new URL(url)
  return `${host === '' ? 'localhost' : host}${pathname}`
}
