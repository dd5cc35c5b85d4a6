import { ConfigError } from '../../errors.ts'

/** Without a colon, so the first one in a key ends the tenant. */
const pattern = /^[A-Za-z0-9_.-]{1,64}$/

/** Throws a `ConfigError` for what cannot name a tenant. */
export function checkTenant(tenant: unknown, namespace: string): asserts tenant is string {
  if (typeof tenant === 'string' && pattern.test(tenant)) return
  const given = typeof tenant === 'string' ? `\`${tenant}\`` : `A value of type ${typeof tenant}`
  throw new ConfigError(
    `${given} does not name a tenant: use letters, digits, \`_\`, \`-\` and \`.\`, at least 1 and at most 64.`,
    { code: 'ERR_CACHE_OPTION', operation: 'forTenant', namespace },
  )
}
