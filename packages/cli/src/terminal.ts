import pc from 'picocolors'

export type Colors = ReturnType<typeof pc.createColors>

/** Where a program writes: data to `print`, everything else to `note`. */
export interface Terminal {
  /** One line, or several, of the answer; goes to stdout. */
  print(text: string): void
  /** A notice, a warning, an error; goes to stderr. */
  note(text: string): void
  /** Replaces the last progress line on a terminal; nothing is shown elsewhere. Without a text it is removed. */
  progress(text?: string): void
  /** From now on these texts are never shown, wherever they come from: passwords of the configuration. */
  hide(secrets: readonly string[]): void
  /** For what is printed. */
  readonly colors: Colors
  /** For notices. */
  readonly noteColors: Colors
  /** Columns of what is printed; 100 where that is not a terminal. */
  readonly width: number
}

interface Stream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface TerminalParts {
  readonly stdout: Stream
  readonly stderr: Stream
  readonly env: Readonly<Record<string, string | undefined>>
}

export function createTerminal({ stdout, stderr, env }: TerminalParts): Terminal {
  const shows = (stream: Stream): boolean => wantsColor(stream, env)
  let isProgressShown = false
  const hidden = new Set<string>()
  const shown = (text: string): string => [...hidden].reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
  const progress = (text?: string): void => {
    if (stderr.isTTY !== true || (text === undefined && !isProgressShown)) return
    // Back to the start of the line, which is then cleared.
    stderr.write(`\r\u001b[2K${shown(text ?? '').slice(0, (stderr.columns ?? 80) - 1)}`)
    isProgressShown = text !== undefined
  }
  return {
    print: (text) => {
      progress()
      stdout.write(`${shown(text)}\n`)
    },
    note: (text) => {
      progress()
      stderr.write(`${shown(text)}\n`)
    },
    progress,
    hide: (secrets) => {
      for (const form of secrets.flatMap(formsOf)) hidden.add(form)
    },
    colors: pc.createColors(shows(stdout)),
    noteColors: pc.createColors(shows(stderr)),
    width: Math.max(60, stdout.columns ?? 100),
  }
}

/** See no-color.org: any value but an empty one. */
function wantsColor(stream: Stream, env: TerminalParts['env']): boolean {
  if (isSet(env['NO_COLOR'])) return false
  if (isSet(env['FORCE_COLOR'])) return env['FORCE_COLOR'] !== '0'
  return stream.isTTY === true && env['TERM'] !== 'dumb'
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== ''
}

/** As it is, in a URL and in JSON. A text of one or two characters is hidden nowhere: half of every word would go. */
function formsOf(secret: string): readonly string[] {
  if (secret.length < 3) return []
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]
}
