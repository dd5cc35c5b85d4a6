/// <reference lib="es2024.string" />

/** Whether UTF-8 can carry the text: no half of a surrogate pair stands alone. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed()
}
