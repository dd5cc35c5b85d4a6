import { optionError } from '../../base/option-reader.ts'

/** What tags begin with that belong to one tenant; no caller's tag may. */
const mark = '~'

/** The tag that all entries of a tenant carry. Names of tenants contain no colon, so none of its other tags collides. */
export function tenantTag(tenant: string): string {
  return mark + tenant
}

/** A tag of a caller, for the entries of one tenant. */
export function scopedTag(tenant: string, tag: string): string {
  return `${mark}${tenant}:${tag}`
}

/**
 * The tags of an entry of a tenant, besides those of its namespace: those of the caller as they are, for who invalidates
 * for all tenants, and each once more for this one.
 */
export function tagsOfTenant(
  tenant: string,
  { shared, own }: { readonly shared: readonly string[]; readonly own: readonly string[] },
): readonly string[] {
  return [tenantTag(tenant), ...own, ...[...shared, ...own].map((tag) => scopedTag(tenant, tag))]
}

/** The tags as callers gave them. */
export function callersTags(tags: readonly string[]): readonly string[] {
  return tags.filter((tag) => !tag.startsWith(mark))
}

/** Throws a `ConfigError` for a tag that would be taken for one of a tenant. */
export function refuseMarked(tags: readonly string[], path: string): void {
  for (const [at, tag] of tags.entries())
    if (typeof tag === 'string' && tag.startsWith(mark))
      throw optionError(
        `${path}[${at}]`,
        tag,
        `a tag that does not begin with \`${mark}\`, in a namespace with tenants`,
      )
}
