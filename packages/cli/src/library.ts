import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CommandFailure, messageOf } from './failure.ts'

/**
 * The packages of the project in which the program runs. Its `tierwise` comes first and that of the program second, so
 * that the clients are those of the project, and a configuration in code and the program share one copy.
 */
export class Library {
  readonly #fromProject: NodeJS.Require
  readonly #fromProgram = createRequire(import.meta.url)

  constructor(cwd: string) {
    this.#fromProject = createRequire(join(cwd, 'package.json'))
  }

  /** A subpath of tierwise, for example `tierwise/redis`. @throws CommandFailure */
  async tierwise<T>(subpath: string): Promise<T> {
    const require = this.#resolves('tierwise') ? this.#fromProject : this.#fromProgram
    try {
      return (await import(pathToFileURL(require.resolve(subpath)).href)) as T
    } catch (error) {
      throw new CommandFailure(`${subpath} cannot be loaded: ${messageOf(error)}`, {
        hint: `This program needs tierwise ${this.#wantedVersion()}; this project has ${this.#version(require)}.`,
        cause: error,
      })
    }
  }

  /** A client package of the project, or one beside its tierwise; undefined when there is none. */
  async client<T>(name: string): Promise<T | undefined> {
    const path = this.#pathOf(name)
    return path === undefined ? undefined : ((await import(pathToFileURL(path).href)) as T)
  }

  /** Whether the project has a package. */
  has(name: string): boolean {
    return this.#pathOf(name) !== undefined
  }

  /** What a package in the project says of itself; undefined when there is none. */
  versionOf(name: string): string | undefined {
    const path = this.#pathOf(name)
    if (path === undefined) return undefined
    const at = path.lastIndexOf(join('node_modules', name))
    const manifest = at < 0 ? '' : join(path.slice(0, at), 'node_modules', name, 'package.json')
    if (!existsSync(manifest)) return undefined
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version?: string }).version
  }

  #resolves(name: string): boolean {
    return tried(() => this.#fromProject.resolve(name)) !== undefined
  }

  #pathOf(name: string): string | undefined {
    const requires = [this.#fromProject, this.#besideTierwise(), this.#fromProgram]
    return requires.map((require) => require && tried(() => require.resolve(name))).find((path) => path !== undefined)
  }

  #besideTierwise(): NodeJS.Require | undefined {
    const path = tried(() => this.#fromProject.resolve('tierwise'))
    return path === undefined ? undefined : createRequire(path)
  }

  #version(require: NodeJS.Require): string {
    const manifest = tried(() => require('tierwise/package.json') as { readonly version?: string })
    return manifest?.version ?? 'none'
  }

  #wantedVersion(): string {
    const manifest = this.#fromProgram('../package.json') as { readonly dependencies: { readonly tierwise: string } }
    return manifest.dependencies.tierwise
  }
}

function tried<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
