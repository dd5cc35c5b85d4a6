/** A star, a question mark, a class, or a character that may be escaped. */
const token = /\*+|\?|\[(\^?)((?:\\.|[^\\\]])*)\]|\\?./gsu
const member = /(\\?.)(?:-(\\?.))?/gsu

/** Compiles a pattern as `invalidatePattern` takes it: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a character. */
export function compileGlob(pattern: string): (key: string) => boolean {
  const parts = [...pattern.matchAll(token)].map(([text, negation = '', members]) => {
    if (text.startsWith('*')) return '.*'
    if (members === undefined) return text === '?' ? '.' : literal(text)
    const ranges = [...members.matchAll(member)].map(([, from = '', to]) =>
      to === undefined ? literal(from) : `${literal(from)}-${literal(to)}`,
    )
    return `[${negation}${ranges.join('')}]`
  })
  const expression = new RegExp(`^${parts.join('')}$`, 'su')
  return (key) => expression.test(key)
}

function literal(text: string): string {
  const character = text.length > 1 && text.startsWith('\\') ? text.slice(1) : text
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}
