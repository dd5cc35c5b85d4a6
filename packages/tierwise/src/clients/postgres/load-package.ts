/** The packages by the names under which they are installed. */
export type InstalledName = 'pg' | 'postgres' | '@electric-sql/pglite'

/** Loads a package; undefined when it is not installed. */
export type LoadPackage = (name: InstalledName) => Promise<unknown>

/** Each import is written out, so that bundlers see it. */
const imports: Readonly<Record<InstalledName, () => Promise<unknown>>> = {
  pg: () => import('pg'),
  postgres: () => import('postgres'),
  '@electric-sql/pglite': () => import('@electric-sql/pglite'),
}

export const loadInstalled: LoadPackage = async (name) => {
  try {
    return await imports[name]()
  } catch (error) {
    const { code, message = '' } = error as { readonly code?: unknown; readonly message?: string }
    // A package that is there and misses something of its own is broken, not absent.
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`)) return undefined
    throw error
  }
}
