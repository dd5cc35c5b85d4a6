/** A run of stars, a question mark, a class, or a character that may be escaped. An open bracket that is never closed is a character. */
const token = /\*+|\?|\[(\^?)((?:\\.|[^\\\]])*)\]|\\?./gsu
const member = /(\\?.)(?:-(\\?.))?/gsu

/**
 * Compiles a key pattern: `*` any run of characters, `?` one, `[abc]` `[a-z]` `[^a]` one of a class, `\` takes the next
 * character as it is. The same language as Redis' own patterns, and nothing else: `/` and `.` are ordinary characters.
 */
export function compileGlob(pattern: string): (key: string) => boolean {
  if (pattern === '*') return () => true
  const expression = new RegExp(`^${translate(pattern)}$`, 'su')
  return (key) => expression.test(key)
}

/** Escapes a key so that it stands for itself inside a pattern. */
export function escapeGlob(key: string): string {
  return key.replace(/[\\*?[\]]/g, '\\$&')
}

/**
 * What follows a star is taken where it fits first, and never looked for again: if the rest does not fit after the first
 * place, it does not after a later one. A look-ahead with a back-reference says so to a RegExp, which would otherwise try
 * every place of one star with every place of the others. Only what follows the last star is bound to the end.
 */
function translate(pattern: string): string {
  const [head = '', ...rest] = partsBetweenStars(pattern)
  const tail = rest.pop()
  if (tail === undefined) return head
  return `${head}${rest.map((part, index) => `(?=(.*?${part}))(?:\\${index + 1})`).join('')}.*${tail}`
}

function partsBetweenStars(pattern: string): readonly string[] {
  let part = ''
  const parts: string[] = []
  for (const [text, negation, members] of pattern.matchAll(token)) {
    if (text.startsWith('*')) {
      parts.push(part)
      part = ''
    } else if (members === undefined) part += text === '?' ? '.' : escaped(codePoint(text))
    else
      part += `[${negation}${[...members.matchAll(member)].map(([, first = '', last = first]) => range(first, last)).join('')}]`
  }
  return [...parts, part]
}

/** As in Redis, the ends of a range may come in either order. */
function range(one: string, other: string): string {
  const [low = 0, high = 0] = [codePoint(one), codePoint(other)].sort((a, b) => a - b)
  return `${escaped(low)}-${escaped(high)}`
}

/** The code point of a character that may be escaped. */
function codePoint(text: string): number {
  const isEscaped = text.length > 1 && text.startsWith('\\')
  return text.codePointAt(isEscaped ? 1 : 0) ?? 0
}

function escaped(point: number): string {
  return `\\u{${point.toString(16)}}`
}
