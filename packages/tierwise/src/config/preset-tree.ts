import { presetDisk, presetRedis, presets } from '../presets/table.ts'
import type { Preset, PresetName, PresetPart } from '../presets/table.ts'
import { memberOf, textOf, treeOf } from './tree.ts'
import type { Branch } from './tree.ts'

const tierOf: Readonly<Record<PresetPart, (preset: Preset) => object>> = {
  memory: ({ memory }) => ({ type: 'memory', ...memory }),
  redis: (preset) => ({ type: 'redis', ...presetRedis(preset) }),
  redisCluster: () => ({ type: 'redis' }),
  disk: () => ({ type: 'disk', ...presetDisk }),
  postgres: () => ({ type: 'postgres' }),
}

/** What the preset that a configuration names says of itself; undefined without one, or with one that does not exist. */
export function presetTree(config: Branch): Branch | undefined {
  const named = memberOf(config, 'preset')
  const name = textOf(named)
  if (named === undefined || name === undefined || !Object.hasOwn(presets, name)) return undefined
  const preset = presets[name as PresetName]
  const tiers = Object.fromEntries(preset.chain.map((part) => [part, tierOf[part](preset)]))
  return treeOf({ tiers, defaults: preset.defaults }, { ...named.at, path: '' }) as Branch
}
