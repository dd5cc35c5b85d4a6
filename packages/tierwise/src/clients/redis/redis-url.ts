import { ConfigError } from '../../errors.ts'

export interface ParsedRedisUrl {
  readonly host: string
  readonly port: number | undefined
  readonly db: number | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: boolean
}

/** @throws ConfigError ERR_CACHE_OPTION that names `path` and never shows the URL, which may have a password in it */
export function parseRedisUrl(text: string, path: string): ParsedRedisUrl {
  if (!URL.canParse(text)) throw urlError(path, 'is not a URL')
  const url = new URL(text)
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    throw urlError(path, 'has another protocol than redis: and rediss:')
  if (url.search !== '' || url.hash !== '')
    throw urlError(path, 'has a part after `?` or `#`; what is meant there is an option of its own')
  return {
    host: url.hostname === '' ? 'localhost' : url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? undefined : Number(url.port),
    db: readDatabase(url.pathname, path),
    username: decoded(url.username, path),
    password: decoded(url.password, path),
    tls: url.protocol === 'rediss:',
  }
}

function readDatabase(pathname: string, path: string): number | undefined {
  const [, digits] = /^\/(\d{0,5})$/.exec(pathname) ?? (pathname === '' ? ['', ''] : [])
  if (digits === undefined) throw urlError(path, 'has a path that is not the number of a database')
  return digits === '' ? undefined : Number(digits)
}

function decoded(part: string, path: string): string | undefined {
  try {
    return part === '' ? undefined : decodeURIComponent(part)
  } catch {
    throw urlError(path, 'has a `%` in user or password that is not part of an escape; write it as `%25`')
  }
}

function urlError(path: string, what: string): ConfigError {
  return new ConfigError(`\`${path}\` ${what}; it must be like redis://user:password@host:6379/0 or rediss://host.`, {
    code: 'ERR_CACHE_OPTION',
  })
}
