/**
 * Compiles a key pattern: `*` any run of characters, `?` one, `[abc]` `[a-z]` `[^a]` one of a class, `\` takes the next
 * character as it is. The same language as Redis' own patterns, and nothing else: `/` and `.` are ordinary characters.
 */
export function compileGlob(pattern: string): (key: string) => boolean {
  if (pattern === '*') return () => true
  const source = translate(pattern)
  const expression = new RegExp(`^${source}$`, 'su')
  return (key) => expression.test(key)
}

/** Escapes a key so that it stands for itself inside a pattern. */
export function escapeGlob(key: string): string {
  return key.replace(/[\\*?[\]]/g, '\\$&')
}

function translate(pattern: string): string {
  let source = ''
  for (let at = 0; at < pattern.length; ) {
    const [piece, length] = translateOne(pattern, at)
    source += piece
    at += length
  }
  // Runs of stars would backtrack exponentially; one is as good as many.
  return source.replace(/(?:\.\*)+/g, '.*')
}

function translateOne(pattern: string, at: number): [piece: string, length: number] {
  const char = pattern[at]
  if (char === '*') return ['.*', 1]
  if (char === '?') return ['.', 1]
  if (char === '\\' && at + 1 < pattern.length) return characterAt(pattern, at + 1, 1)
  if (char === '[') return translateClass(pattern, at)
  return characterAt(pattern, at, 0)
}

function characterAt(pattern: string, at: number, before: number): [piece: string, length: number] {
  const char = String.fromCodePoint(pattern.codePointAt(at) ?? 0)
  return [literal(char), before + char.length]
}

function translateClass(pattern: string, at: number): [piece: string, length: number] {
  const end = pattern.indexOf(']', at + 2)
  if (end < 0) return ['\\[', 1]
  const negated = pattern[at + 1] === '^'
  const members = pattern.slice(at + (negated ? 2 : 1), end).replace(/[\\[\]^&|~-]/g, (char, offset: number, all: string) =>
    char === '-' && offset > 0 && offset < all.length - 1 ? '-' : `\\${char}`,
  )
  return [`[${negated ? '^' : ''}${members}]`, end - at + 1]
}

function literal(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char
}
