import { createHash } from 'node:crypto'

import { byCodePoints, codePoints, countWords, pythonText } from './python-text.ts'

/** What a key of the older format is made from. */
export interface LegacyKeyParts {
  readonly text: string
  readonly operation: string
  readonly options?: Readonly<Record<string, unknown>> | undefined
  /** @default the `question` among the options */
  readonly question?: string | undefined
}

/** What `createLegacyKeyGenerator` takes. */
export interface LegacyKeyOptions {
  /** Texts of more characters are hashed. Part of the format: it has to be what the writer had. @default 1000 */
  readonly textHashThreshold?: number
}

/**
 * Makes the keys of an older, Python cache (`ai_cache:op:…|txt:…|opts:…|q:…`), to read it during a migration.
 *
 * Never write with them: short texts stand in the key, its separators may be in a text, options have 32 bits of MD5 and the model
 * plays no part, so different requests can have the same key.
 *
 * @example
 * console.log(createLegacyKeyGenerator().key({ text: 'a|b', operation: 'qa' })) // => ai_cache:op:qa|txt:a_b
 */
export function createLegacyKeyGenerator(options: LegacyKeyOptions = {}): { key(parts: LegacyKeyParts): string } {
  const { textHashThreshold = 1000 } = options
  return { key: (parts) => legacyKey(parts, textHashThreshold) }
}

function legacyKey({ text, operation, options, question }: LegacyKeyParts, threshold: number): string {
  const parts = [`op:${operation}`, `txt:${textPart(text, threshold)}`]
  const asked = question ?? options?.['question']
  const fields = Object.entries(options ?? {}).sort(([a], [b]) => byCodePoints(a, b))
  if (fields.length > 0)
    parts.push(`opts:${shortMd5(fields.map(([name, value]) => `${name}=${pythonText(value)}`).join('&'))}`)
  if (typeof asked === 'string' && asked !== '') parts.push(`q:${shortMd5(asked)}`)
  return `ai_cache:${parts.join('|')}`
}

function textPart(text: string, threshold: number): string {
  const length = codePoints(text)
  if (length <= threshold) return text.replaceAll(/[|:]/g, '_')
  const digest = createHash('sha256')
    .update(text)
    .update(`len:${length}`)
    .update(`words:${countWords(text)}`)
  return `hash:${digest.digest('hex').slice(0, 16)}`
}

function shortMd5(text: string): string {
  return createHash('md5').update(text).digest('hex').slice(0, 8)
}
