import { createRequire } from 'node:module'
import { ConfigError } from '../../errors.ts'
import type { IoredisClient, IoredisCluster, NodeRedisClient, NodeRedisCluster } from './client-shapes.ts'
import type { RedisPackage } from './port.ts'

export interface IoredisModule {
  readonly Redis: new (options: object) => IoredisClient
  readonly Cluster: new (nodes: readonly object[], options: object) => IoredisCluster
}

export interface NodeRedisModule {
  createClient(options: object): NodeRedisClient
  createCluster(options: object): NodeRedisCluster
}

export type LoadedPackage =
  | { readonly package: 'ioredis' | 'iovalkey'; readonly module: IoredisModule }
  | { readonly package: 'node-redis'; readonly module: NodeRedisModule }

export type LoadPackage = (name: RedisPackage) => Promise<LoadedPackage>

/** The name under which a package is installed. */
export const installedNames: Readonly<Record<RedisPackage, string>> = {
  ioredis: 'ioredis',
  'node-redis': 'redis',
  iovalkey: 'iovalkey',
}

/** The versions that are tested; the same ranges are the peer dependencies of this package. */
export const redisPackageVersions: Readonly<Record<string, string>> = {
  ioredis: '^5.4.0 || ^6.0.0',
  iovalkey: '>=0.3.0',
  redis: '^5.0.0 || ^6.0.0',
}

const inOrder: readonly RedisPackage[] = ['ioredis', 'node-redis', 'iovalkey']

/** The first package that is installed. @throws ConfigError ERR_CACHE_PEER_MISSING when there is none */
export function findPackage(isInstalled: (name: string) => boolean = canResolve): RedisPackage {
  const found = inOrder.find((name) => isInstalled(installedNames[name]))
  if (found === undefined)
    throw new ConfigError(
      'A connection to Redis needs one of the packages ioredis, redis and iovalkey, and none is installed. Install one: npm install ioredis',
      { code: 'ERR_CACHE_PEER_MISSING' },
    )
  return found
}

/** @throws ConfigError ERR_CACHE_PEER_MISSING */
export const loadPackage: LoadPackage = async (name) => {
  try {
    if (name === 'node-redis') return { package: name, module: (await import('redis')) as unknown as NodeRedisModule }
    const module: unknown = name === 'ioredis' ? await import('ioredis') : await import('iovalkey')
    return { package: name, module: module as IoredisModule }
  } catch (cause) {
    const installed = installedNames[name]
    throw new ConfigError(
      `The package ${installed} is not installed or cannot be loaded. Install it: npm install ${installed}`,
      { code: 'ERR_CACHE_PEER_MISSING', cause },
    )
  }
}

function canResolve(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name)
    return true
  } catch {
    return false
  }
}
