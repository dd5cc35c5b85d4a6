import { checkKey, isNamePart } from '../base/key.ts'
import { ConfigError } from '../errors.ts'

/** What there is. */
export type PrimitiveKind =
  | 'counter'
  | 'register'
  | 'set'
  | 'hash'
  | 'sorted-set'
  | 'claim'
  | 'watermark'
  | 'channel'
  | 'lock'
  | 'limiter'

/** Names the keys of a primitive: kind, name and id, of which only the id may contain a colon. */
export class Keys {
  readonly #prefix: string

  /** @throws ConfigError ERR_CACHE_OPTION */
  constructor(kind: PrimitiveKind, name: string) {
    if (typeof name !== 'string' || !isNamePart(name))
      throw new ConfigError(
        `\`${String(name)}\` is not a name for a ${kind}: use letters, digits, \`_\`, \`-\` and \`.\`, at most 128.`,
        { code: 'ERR_CACHE_OPTION' },
      )
    this.#prefix = `${kind}:${name}:`
  }

  /** @throws KeyError ERR_CACHE_KEY */
  of(id: string, operation: string): string {
    checkKey(id, operation)
    return this.#prefix + id
  }
}
