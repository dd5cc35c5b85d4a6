/** Cut to what fits into a line. */
export function shorten(text: string, most = 200): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

/** The message of an error in one line, without what looks like a password in an address. */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return shorten(message.replace(/\/\/[^/\s@]*@/g, '//***@').replace(/\s+/g, ' '))
}
