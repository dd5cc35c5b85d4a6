import { memory } from './mistake.ts'
import type { Mistake } from './mistake.ts'

/** Options that do not exist, and values of the wrong kind. */
export const valuesMistakes: readonly Mistake[] = [
  {
    what: 'an option with a slip',
    text: 'tiers:\n  memory:\n    maxByte: 1mb\n',
    says: ['tierwise.config.yaml:3:5  tiers.memory.maxByte  is not an option. Did you mean `maxBytes`?'],
  },
  {
    what: 'an option that does not exist',
    text: `${memory}defaults:\n  lifespan: 1m\n`,
    says: [
      'tierwise.config.yaml:3:3  defaults.lifespan  is not an option. Known: ttl, grace, graceBackoff, softTimeout, hardTimeout, refreshAhead, earlyRefresh, jitter, negativeTtl, writeMode, coherence, maxStaleness, lease, mutateTimeout, sourceLag, isolation, tierTtl.',
    ],
  },
  {
    what: 'a section with a slip',
    text: `${memory}namespace:\n  a: { ttl: 1m }\n`,
    says: ['tierwise.config.yaml:2:1  namespace  is not an option. Did you mean `namespaces`?'],
  },
  {
    what: 'a wrong unit',
    text: `${memory}defaults:\n  ttl: 5 mins\n`,
    says: [
      "tierwise.config.yaml:3:8  defaults.ttl  is '5 mins'; it must be a positive number of milliseconds, a text like '30s' or '5m', or 'forever'. Did you mean '5m'?",
    ],
  },
  {
    what: 'a size with a wrong unit',
    text: 'tiers: { memory: { maxBytes: 100MB } }\n',
    says: [
      "tierwise.config.yaml:1:30  tiers.memory.maxBytes  is '100MB'; it must be a positive number of bytes or a text like '512kb', '64mb', '1gb'. Did you mean '100mb'?",
    ],
  },
  {
    what: 'a negative duration',
    text: `${memory}defaults: { grace: -1 }\n`,
    says: [
      "tierwise.config.yaml:2:20  defaults.grace  is -1; it must be a positive number of milliseconds or a text like '500ms', '30s', '5m', '2h', '1d'.",
    ],
  },
  {
    what: 'a ttl of zero',
    text: `${memory}namespaces:\n  a:\n    ttl: 0\n`,
    says: [
      "tierwise.config.yaml:4:10  namespaces.a.ttl  is 0; it must be a positive number of milliseconds, a text like '30s' or '5m', or 'forever'.",
    ],
  },
  {
    what: 'a number where a text belongs',
    text: `${memory}prefix: 5\n`,
    says: ['tierwise.config.yaml:2:9  prefix  is 5; it must be a text of letters, digits, `_`, `-` and `.`.'],
  },
  {
    what: 'a text where a number belongs',
    text: 'tiers: { redis: { host: cache, port: "many" } }\n',
    says: ["tierwise.config.yaml:1:38  tiers.redis.port  is 'many'; it must be a whole number from 1 to 65535."],
  },
  {
    what: 'a port that is none',
    text: 'tiers: { redis: { port: 70000 } }\n',
    says: ['tierwise.config.yaml:1:25  tiers.redis.port  is 70000; it must be a whole number from 1 to 65535.'],
  },
  {
    what: 'a text where a boolean belongs',
    text: `${memory}strictNamespaces: yes\n`,
    says: ["tierwise.config.yaml:2:19  strictNamespaces  is 'yes'; it must be true or false. Did you mean true?"],
  },
  {
    what: 'nothing where a value belongs',
    text: `${memory}defaults:\n  ttl:\n`,
    says: [
      "tierwise.config.yaml:3:7  defaults.ttl  is null; it must be a positive number of milliseconds, a text like '30s' or '5m', or 'forever'.",
    ],
  },
  {
    what: 'a value where options belong',
    text: `${memory}namespaces:\n  a: 5m\n`,
    says: ["tierwise.config.yaml:3:6  namespaces.a  is '5m'; it must be an object of options."],
  },
  {
    what: 'a list where options belong',
    text: 'tiers: [memory, redis]\n',
    says: ['tierwise.config.yaml:1:8  tiers  is a list; it must be an object of tiers by name.'],
  },
  {
    what: 'a text where a list belongs',
    text: `${memory}namespaces:\n  a: { tags: metals }\n`,
    says: ["tierwise.config.yaml:3:14  namespaces.a.tags  is 'metals'; it must be a list of texts."],
  },
  {
    what: 'a choice with a slip',
    text: `${memory}governance:\n  mode: enforced\n`,
    says: [
      "tierwise.config.yaml:3:9  governance.mode  is 'enforced'; it must be one of 'off', 'warn', 'enforce'. Did you mean 'enforce'?",
    ],
  },
  {
    what: 'a share beyond one',
    text: `${memory}defaults: { jitter: 10 }\n`,
    says: ['tierwise.config.yaml:2:21  defaults.jitter  is 10; it must be a number of at least 0 and at most 1.'],
  },
  {
    what: 'a staleness that cannot be promised',
    text: `${memory}defaults: { maxStaleness: 1s }\n`,
    says: ["tierwise.config.yaml:2:27  defaults.maxStaleness  is '1s'; it must be a duration of at least 2 seconds."],
  },
]
