import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The packages that make connections to Redis, as a configuration names them, by the names they are installed under. */
const redisClients = { ioredis: 'ioredis', redis: 'node-redis', iovalkey: 'iovalkey' } as const
const postgresClients = ['pg', 'postgres'] as const

/** By package; the first that is found is named. */
const frameworks: Readonly<Record<string, string>> = {
  '@nestjs/core': 'NestJS',
  next: 'Next.js',
  nuxt: 'Nuxt',
  '@remix-run/node': 'Remix',
  '@sveltejs/kit': 'SvelteKit',
  astro: 'Astro',
  fastify: 'Fastify',
  hono: 'Hono',
  koa: 'Koa',
  express: 'Express',
}

const usefulVariables = [
  'REDIS_URL',
  'REDIS_HOST',
  'REDIS_PORT',
  'REDIS_DB',
  'REDIS_USERNAME',
  'REDIS_PASSWORD',
  'DATABASE_URL',
] as const

export type UsefulVariable = (typeof usefulVariables)[number]

/** What a project tells about the cache it may want. Never the value of a variable. */
export interface Detected {
  /** Of package.json; undefined without one. */
  readonly name: string | undefined
  readonly redisClient: 'ioredis' | 'node-redis' | 'iovalkey' | undefined
  readonly postgresClient: 'pg' | 'postgres' | undefined
  readonly hasLmdb: boolean
  readonly hasTierwise: boolean
  readonly framework: string | undefined
  /** Names that are set in the environment or assigned in a file like `.env`. */
  readonly variables: readonly UsefulVariable[]
}

export function detect(folder: string, env: Readonly<Record<string, string | undefined>>): Detected {
  const manifest = readManifest(join(folder, 'package.json'))
  const has = (name: string): boolean => manifest.packages.has(name)
  const names = new Set([...Object.keys(env).filter((name) => env[name] !== ''), ...namesInFiles(folder)])
  const redisPackage = (['ioredis', 'redis', 'iovalkey'] as const).find(has)
  const framework = Object.keys(frameworks).find(has)
  return {
    name: manifest.name,
    redisClient: redisPackage && redisClients[redisPackage],
    postgresClient: postgresClients.find(has),
    hasLmdb: has('lmdb'),
    hasTierwise: has('tierwise'),
    framework: framework && frameworks[framework],
    variables: usefulVariables.filter((name) => names.has(name)),
  }
}

interface Manifest {
  readonly name: string | undefined
  readonly packages: ReadonlySet<string>
}

/** A file that is absent or no JSON tells nothing. */
function readManifest(path: string): Manifest {
  const content = readText(path)
  try {
    const { name, dependencies, devDependencies } = JSON.parse(content ?? '{}') as Record<string, unknown>
    const packages = [dependencies, devDependencies].flatMap((list) => Object.keys(Object(list) as object))
    return { name: typeof name === 'string' ? name : undefined, packages: new Set(packages) }
  } catch {
    return { name: undefined, packages: new Set() }
  }
}

/** What is left of `=` in `.env`, `.env.local`, `.env.production` and the like. */
function namesInFiles(folder: string): readonly string[] {
  const files = readdirSync(folder).filter((name) => /^\.env(\.[\w-]+)*$/.test(name))
  return files.flatMap((name) =>
    [...(readText(join(folder, name)) ?? '').matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/gm)].map(
      ([, variable = '']) => variable,
    ),
  )
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
