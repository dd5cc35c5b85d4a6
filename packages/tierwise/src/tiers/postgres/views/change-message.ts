/** What a change of a table invalidates, as a trigger tells it. */
export type TableChange =
  | { readonly namespace: string; readonly keys: readonly string[] }
  | { readonly namespace: string; readonly tags: readonly string[] }
  | { readonly namespace: string; readonly all: true }

/**
 * Reads a message of the channel: `{"tierwise":1,"namespace":"factors","keys":["steel"]}`, or `tags`, or `"all":true`.
 *
 * Every role of a database may send on every channel, so nothing is taken for granted. Undefined when it is not ours.
 */
export function readChange(payload: string): TableChange | undefined {
  const message = parse(payload)
  if (message?.['tierwise'] !== 1) return undefined
  const { namespace, keys, tags, all } = message
  if (typeof namespace !== 'string') return undefined
  if (all === true) return { namespace, all }
  if (isTexts(keys)) return { namespace, keys }
  return isTexts(tags) ? { namespace, tags } : undefined
}

function parse(payload: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(payload)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Texts that may be keys of the cache. */
function isTexts(raw: unknown): raw is readonly string[] {
  return Array.isArray(raw) && raw.length > 0 && raw.every(isKey)
}

function isKey(raw: unknown): raw is string {
  return typeof raw === 'string' && raw !== '' && raw.length <= 4096 && raw.isWellFormed()
}
