import { memory } from './mistake.ts'
import type { Mistake } from './mistake.ts'

/** Tiers, chains and what refers to them. */
export const tiersMistakes: readonly Mistake[] = [
  {
    what: 'an unknown preset',
    text: 'preset: generics\n',
    says: [
      "tierwise.config.yaml:1:9  preset  is 'generics'; it must be one of 'memory', 'high-performance', 'memory-constrained', 'generic', 'three-layer', 'four-tier', 'full'. Did you mean 'generic'?",
    ],
  },
  {
    what: 'a type with a slip',
    text: 'tiers:\n  near: { type: memroy }\n',
    says: [
      "tierwise.config.yaml:2:17  tiers.near.type  is 'memroy'; it must be one of 'memory', 'redis', 'disk', 'postgres', 'postgres-views'. Did you mean 'memory'?",
    ],
  },
  {
    what: 'a tier without a type',
    text: 'tiers:\n  redsi: { host: cache }\n',
    says: [
      "tierwise.config.yaml:2:3  tiers.redsi.type  is missing; it must be one of 'memory', 'redis', 'disk', 'postgres', 'postgres-views', unless one of these is the name of the tier. Did you mean the tier `redis`?",
    ],
  },
  {
    what: 'a tier without what it needs',
    text: 'tiers:\n  disk: { maxBytes: 1gb }\n',
    says: ['tierwise.config.yaml:2:3  tiers.disk.path  is missing; it must be a text that is not empty.'],
  },
  {
    what: 'an option of another type of tier',
    text: 'tiers:\n  memory: { host: cache }\n',
    says: ['tierwise.config.yaml:2:13  tiers.memory.host  is not an option. Known: type, maxBytes, maxEntries.'],
  },
  {
    what: 'options of TLS that do not exist',
    text: 'tiers:\n  redis: { host: cache, tls: { certificate: a.pem } }\n',
    says: [
      'tierwise.config.yaml:2:32  tiers.redis.tls.certificate  is not an option. Known: ca, cert, key, servername, minVersion, rejectUnauthorized.',
    ],
  },
  {
    what: 'a node without its host',
    text: 'tiers:\n  redis:\n    cluster:\n      nodes:\n        - port: 7000\n',
    says: [
      'tierwise.config.yaml:5:11  tiers.redis.cluster.nodes[0].host  is missing; it must be a text that is not empty.',
    ],
  },
  {
    what: 'no node',
    text: 'tiers:\n  redis:\n    cluster: { nodes: [] }\n',
    says: [
      'tierwise.config.yaml:3:23  tiers.redis.cluster.nodes  is an empty list; it must be a list of addresses, with at least one.',
    ],
  },
  {
    what: 'two places for one Redis',
    text: 'tiers:\n  redis:\n    url: redis://cache\n    sentinel: { name: main, nodes: [{ host: s1 }] }\n',
    says: [
      'tierwise.config.yaml:3:5  tiers.redis  says in 2 ways where Redis is: `url`, `sentinel`. Give one of them.',
    ],
  },
  {
    what: 'a memory tier behind another',
    text: 'tiers:\n  redis: { host: cache }\n  memory:\n',
    says: [
      'tierwise.config.yaml:3:3  tiers.memory  keeps values in this process; only the first tier of the chain can.',
    ],
  },
  {
    what: 'a tier twice in the chain',
    text: 'tiers: { memory: , redis: { host: cache } }\nchain: [memory, redis, memory]\n',
    says: ['tierwise.config.yaml:2:24  chain[2]  names the tier `memory` a second time.'],
  },
  {
    what: 'an empty chain',
    text: `${memory}chain: []\n`,
    says: ['tierwise.config.yaml:2:8  chain  has no tier; name at least one.'],
  },
  {
    what: 'an absent tier in the chain',
    text: `${memory}chain: [memory, disk]\n`,
    says: ['tierwise.config.yaml:2:17  chain[1]  names the tier `disk`, which does not exist. Known: memory.'],
  },
  {
    what: 'an absent tier in a namespace',
    text: `${memory}namespaces:\n  a: { tiers: [memori] }\n`,
    says: [
      'tierwise.config.yaml:3:16  namespaces.a.tiers[0]  names the tier `memori`, which does not exist. Did you mean `memory`?',
    ],
  },
  {
    what: 'an absent tier in a key rule',
    text: `${memory}namespaces:\n  a:\n    keyRules:\n      - { match: 'x:*', tiers: [redis] }\n`,
    says: [
      'tierwise.config.yaml:5:33  namespaces.a.keyRules[0].tiers[0]  names the tier `redis`, which does not exist. Known: memory.',
    ],
  },
  {
    what: 'a guard for an absent tier',
    text: `${memory}guards:\n  redis: { retries: 2 }\n`,
    says: ['tierwise.config.yaml:3:3  guards.redis  guards a tier that does not exist. Known: memory.'],
  },
  {
    what: 'a threshold for an absent tier',
    text: `${memory}monitoring:\n  thresholds:\n    - { metric: hitRate, tier: l1, below: 0.7 }\n`,
    says: [
      'tierwise.config.yaml:4:32  monitoring.thresholds[0].tier  names the tier `l1`, which does not exist. Known: memory.',
    ],
  },
  {
    what: 'a threshold without a limit',
    text: `${memory}monitoring:\n  thresholds:\n    - { metric: hitRate }\n`,
    says: [
      'tierwise.config.yaml:4:7  monitoring.thresholds[0]  has neither `below` nor `above`; it needs one of them.',
    ],
  },
  {
    what: 'a namespace whose only tier the chain leaves out',
    text: 'tiers: { memory: , redis: { host: cache } }\nchain: [memory]\nnamespaces:\n  a: { tiers: [redis] }\n',
    says: ['tierwise.config.yaml:4:8  namespaces.a.tiers  has only tiers that are not in the chain (memory): redis.'],
  },
]
