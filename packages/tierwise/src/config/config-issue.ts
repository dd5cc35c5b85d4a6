import { ConfigError } from '../errors.ts'
import type { Origin, Position } from './tree.ts'

/** One thing that is wrong with a configuration, or worth knowing. */
export interface ConfigIssue {
  /** The file, relative to the working directory where it is below it. */
  readonly file: string
  /** Counted from 1; undefined in code files. */
  readonly line?: number
  /** Counted from 1; undefined in code files. */
  readonly column?: number
  /** Where in the file, like `tiers.redis.port`; empty for the file as a whole. */
  readonly path: string
  /** What is wrong, and what is allowed. */
  readonly problem: string
  /** What is allowed, where that can be said in a few words. */
  readonly allowed?: string
  /** The value as it may be shown. */
  readonly value?: string
  /** The line that a person reads: file, line, column, path and problem. */
  readonly text: string
}

/** A configuration file that cannot be used; `issues` has everything that is wrong with it, by line. */
export class ConfigFileError extends ConfigError {
  override readonly name = 'ConfigFileError'
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[], cause?: unknown) {
    super(issues.map(({ text }) => text).join('\n'), {
      code: 'ERR_CACHE_CONFIG',
      ...(cause === undefined ? {} : { cause }),
    })
    this.issues = issues
  }
}

/** What is said about a place. */
export interface Remark {
  readonly problem: string
  readonly allowed?: string
  readonly value?: string
}

/** Collects what there is to say about one file. The same is said once. */
export class Findings {
  readonly #file: string
  readonly #found = new Map<string, ConfigIssue>()

  constructor(file: string) {
    this.#file = file
  }

  get isEmpty(): boolean {
    return this.#found.size === 0
  }

  add(at: { readonly path: string; readonly position?: Position | undefined }, remark: Remark): void {
    const { path, position } = at
    const place = position === undefined ? this.#file : `${this.#file}:${position.line}:${position.column}`
    const text = [place, path, remark.problem].filter((part) => part !== '').join('  ')
    this.#found.set(text, { file: this.#file, ...position, path, ...remark, text })
  }

  /** About a value. */
  onValue({ path, value }: Origin, remark: Remark): void {
    this.add({ path, position: value }, remark)
  }

  /** About a name. */
  onKey({ path, key, value }: Origin, remark: Remark): void {
    this.add({ path, position: key ?? value }, remark)
  }

  /** By place; what has none comes last, in the order in which it was found. */
  sorted(): readonly ConfigIssue[] {
    const rank = ({ line = Infinity }: ConfigIssue): number => line
    const column = ({ column: at = 0 }: ConfigIssue): number => at
    return [...this.#found.values()].toSorted(
      (a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)) || column(a) - column(b),
    )
  }

  /** @throws ConfigFileError if anything was found */
  throwIfAny(cause?: unknown): void {
    if (!this.isEmpty) throw new ConfigFileError(this.sorted(), cause)
  }
}
