export type Theme = 'dark' | 'light'

const name = 'tierwise-theme'

/** What was chosen here before, else what the system prefers. */
export function currentTheme(): Theme {
  const chosen = readChoice()
  if (chosen === 'dark' || chosen === 'light') return chosen
  return preference().matches ? 'light' : 'dark'
}

/** Follows the system, which may turn dark in the evening. Returns the function that stops it. */
export function followSystem(onChange: (theme: Theme) => void): () => void {
  const query = preference()
  const follow = (): void => {
    applyTheme()
    onChange(currentTheme())
  }
  query.addEventListener('change', follow)
  return () => query.removeEventListener('change', follow)
}

export function applyTheme(theme: Theme = currentTheme()): void {
  document.documentElement.dataset['theme'] = theme
}

export function chooseTheme(theme: Theme): void {
  try {
    localStorage.setItem(name, theme)
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  applyTheme(theme)
}

/** A colour of the theme, for what is painted on a canvas. */
export function colour(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim()
}

function preference(): MediaQueryList {
  return matchMedia('(prefers-color-scheme: light)')
}

function readChoice(): string | null {
  try {
    return localStorage.getItem(name)
  } catch {
    return null
  }
}
