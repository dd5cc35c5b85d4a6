import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError } from '../../errors.ts'
import type { Findings } from '../config-issue.ts'
import { isPlainObject, pathOf } from '../tree.ts'
import type { Tree } from '../tree.ts'

/** Imports a module; TypeScript through jiti where this Node cannot read it. */
export type ImportModule = (file: string) => Promise<unknown>

/** Imports a code file and makes a tree of its default export. What is wrong goes to `findings`. */
export async function importCode(
  file: string,
  findings: Findings,
  load: ImportModule = importModule,
): Promise<Tree | undefined> {
  const module = await load(file).catch((error: unknown) => {
    if (error instanceof ConfigError) throw error
    findings.add({ path: '' }, { problem: `cannot be loaded: ${firstLine(error)}` })
    findings.throwIfAny(error)
  })
  const value: unknown = (module as { readonly default?: unknown } | undefined)?.default
  if (value === undefined) {
    findings.add({ path: '' }, { problem: 'has no default export: `export default defineConfig({ ... })`.' })
    return undefined
  }
  return new CodeTree(findings).of(value, '', [])
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n')[0] ?? text
}

const importModule: ImportModule = async (file) => {
  const url = pathToFileURL(file).href
  if (!/^\.m?ts$/.test(extname(file))) return import(url)
  if (!canReadTypes()) return importByJiti(file)
  return import(url).catch(async (error: unknown) => {
    if (!isBeyondNode(error)) throw error
    // The reason why Node itself could not is the better one where there is no jiti.
    return importByJiti(file).catch((other: unknown) => {
      throw other instanceof ConfigError ? error : other
    })
  })
}

/** What jiti can read and Node cannot: enums and the like, imports without endings. */
function isBeyondNode(error: unknown): boolean {
  const { code = '' } = error as { readonly code?: string }
  return ['ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX', 'ERR_MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT'].includes(code)
}

async function importByJiti(file: string): Promise<unknown> {
  const { createJiti } = await loadJiti()
  return createJiti(import.meta.url, { fsCache: false, moduleCache: false, interopDefault: false }).import(file)
}

/** Whether this Node strips types by itself. */
function canReadTypes(): boolean {
  const { typescript } = process.features as { readonly typescript?: unknown }
  return typescript !== undefined && typescript !== false
}

/** What is used of the package. */
interface Jiti {
  readonly createJiti: (
    from: string,
    options: { readonly fsCache: boolean; readonly moduleCache: boolean; readonly interopDefault: boolean },
  ) => { import(file: string): Promise<unknown> }
}

/** @throws ConfigError ERR_CACHE_PEER_MISSING */
export async function loadJiti(load: () => Promise<Jiti> = () => import('jiti')): Promise<Jiti> {
  try {
    return await load()
  } catch (cause) {
    throw new ConfigError(
      'A configuration in TypeScript needs the package jiti with this Node, and it is not installed or cannot be loaded. Install it: npm install jiti',
      { code: 'ERR_CACHE_PEER_MISSING', cause },
    )
  }
}

/** Values of code have paths and no lines. */
class CodeTree {
  readonly #findings: Findings

  constructor(findings: Findings) {
    this.#findings = findings
  }

  of(value: unknown, path: string, within: readonly unknown[]): Tree {
    const at = { path }
    if (within.includes(value)) this.#findings.add({ path }, { problem: 'contains itself.' })
    else if (Array.isArray(value)) {
      const items = value.map((item: unknown, index) => this.of(item, pathOf(path, index), [...within, value]))
      return { kind: 'list', at, items }
    } else if (isPlainObject(value) && !('~standard' in value))
      return { kind: 'branch', at, members: this.#members(value, path, [...within, value]) }
    return { kind: 'leaf', at, value }
  }

  #members(value: Record<string, unknown>, path: string, within: readonly unknown[]): ReadonlyMap<string, Tree> {
    const members = new Map<string, Tree>()
    for (const [name, member] of Object.entries(value)) {
      if (name === '__proto__') this.#findings.add({ path: pathOf(path, name) }, { problem: 'cannot be a name.' })
      else if (member !== undefined) members.set(name, this.of(member, pathOf(path, name), within))
    }
    return members
  }
}
