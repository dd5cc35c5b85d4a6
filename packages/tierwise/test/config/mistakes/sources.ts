import { memory } from './mistake.ts'
import type { Mistake } from './mistake.ts'

/** Variables, secret files, profiles and the environment. */
export const sourcesMistakes: readonly Mistake[] = [
  {
    what: 'a contradiction of what variables hold',
    text: `${memory}namespaces:\n  a: { ttl: "\${TTL}", maxTtl: "\${CAP}" }\n  b: { license: "\${LICENSE}", maxTtl: 1h, ttl: 2h }\n`,
    env: { TTL: '2h', CAP: '90m', LICENSE: 'hunter2' },
    says: [
      'tierwise.config.yaml:3:13  namespaces.a.ttl  is ${TTL}, more than the `maxTtl` of ${CAP}.',
      'tierwise.config.yaml:4:48  namespaces.b.ttl  is 7200000 ms, longer than the licence `${LICENSE}` allows: at most 3600000 ms.',
    ],
  },
  {
    what: 'a database of a cluster from a variable',
    text: 'tiers:\n  redis: { cluster: { nodes: [{ host: a }] }, db: "${DB}" }\n',
    env: { DB: '7' },
    says: ['tierwise.config.yaml:2:51  tiers.redis.db  is ${DB}; a cluster has only database 0.'],
  },
  {
    what: 'a variable that is not set',
    text: 'tiers:\n  redis:\n    password: ${REDIS_PASSWORD}\n',
    says: ['tierwise.config.yaml:3:15  tiers.redis.password  needs the variable REDIS_PASSWORD, which is not set.'],
  },
  {
    what: 'a variable that is empty',
    text: 'tiers: { redis: { host: "${CACHE_HOST}" } }\n',
    env: { CACHE_HOST: '' },
    says: ['tierwise.config.yaml:1:25  tiers.redis.host  needs the variable CACHE_HOST, which is empty.'],
  },
  {
    what: 'a variable with a wrong value',
    text: 'tiers: { redis: { host: cache, port: "${PORT}" } }\n',
    env: { PORT: 'hunter2' },
    says: [
      'tierwise.config.yaml:1:38  tiers.redis.port  is what ${PORT} holds; it must be a whole number from 1 to 65535.',
    ],
  },
  {
    what: 'a variable within a wrong value',
    text: `${memory}defaults: { ttl: "\${TTL}m" }\n`,
    env: { TTL: 'hunter2' },
    says: [
      "tierwise.config.yaml:2:18  defaults.ttl  is what ${TTL}m holds; it must be a positive number of milliseconds, a text like '30s' or '5m', or 'forever'.",
    ],
  },
  {
    what: 'a brace that is never closed',
    text: `${memory}prefix: "\${SHOP"\n`,
    says: ['tierwise.config.yaml:2:9  prefix  has a `${` without its `}`; write `$${` for one that is meant as it is.'],
  },
  {
    what: 'a kind of variable that does not exist',
    text: `${memory}prefix: "\${SHOP:?missing}"\n`,
    says: [
      'tierwise.config.yaml:2:9  prefix  has something else than `${NAME}`, `${NAME:-default}` or `${file:path}` in its braces; write `$${` for a `${` that is meant as it is.',
    ],
  },
  {
    what: 'a secret file that does not exist',
    text: 'tiers:\n  redis: { host: cache, password: "${file:redis.secret}" }\n',
    says: ['tierwise.config.yaml:2:35  tiers.redis.password  needs the file redis.secret, which does not exist.'],
  },
  {
    what: 'a secret file that is a folder',
    text: 'tiers:\n  redis: { host: cache, password: "${file:secrets}" }\n',
    files: { 'secrets/a': '' },
    says: ['tierwise.config.yaml:2:35  tiers.redis.password  needs the file secrets, which is a folder.'],
  },
  {
    what: 'a secret file with a wrong content',
    text: `${memory}encryption: { keys: [{ id: 1, secret: "\${file:key}" }] }\n`,
    files: { key: 'hunter2\n' },
    says: [
      'tierwise.config.yaml:2:39  encryption.keys[0].secret  is what ${file:key} holds; it must be 32 bytes in base64.',
    ],
  },
  {
    what: 'an unknown profile',
    text: `${memory}profiles:\n  production: { prefix: live }\n`,
    profile: 'prodution',
    says: ['tierwise.config.yaml  profiles  has no `prodution`. Did you mean `production`?'],
  },
  {
    what: 'an unknown profile in the environment',
    text: memory,
    env: { TIERWISE_PROFILE: 'production' },
    says: ['tierwise.config.yaml  profiles  has no `production`, which TIERWISE_PROFILE names. There are none.'],
  },
  {
    what: 'a parent that does not exist',
    text: `${memory}profiles:\n  staging: { extends: prod }\n  production:\n`,
    says: [
      "tierwise.config.yaml:3:23  profiles.staging.extends  is 'prod', and there is no such profile. Known: staging, production.",
    ],
  },
  {
    what: 'profiles in a circle',
    text: `${memory}profiles:\n  a: { extends: b }\n  b: { extends: c }\n  c: { extends: a }\n`,
    profile: 'a',
    says: ['tierwise.config.yaml:3:17  profiles.a.extends  goes in a circle: a extends b extends c extends a.'],
  },
  {
    what: 'a parent that is no text',
    text: `${memory}profiles:\n  a: { extends: 5 }\n`,
    profile: 'a',
    says: ['tierwise.config.yaml:3:17  profiles.a.extends  must be the name of a profile.'],
  },
  {
    what: 'profiles in a profile',
    text: `${memory}profiles:\n  a: { profiles: { b: } }\n`,
    says: ['tierwise.config.yaml:3:8  profiles.a.profiles  cannot be inside of a profile.'],
  },
  {
    what: 'a profile that is a list',
    text: `${memory}profiles:\n  a: [production]\n`,
    says: ['tierwise.config.yaml:3:6  profiles.a  must be an object of options.'],
  },
  {
    what: 'a mistake in a profile that does not hold',
    text: `${memory}profiles:\n  production:\n    defaults: { ttl: 1 hour }\n`,
    says: [
      "tierwise.config.yaml:4:22  profiles.production.defaults.ttl  is '1 hour'; it must be a positive number of milliseconds, a text like '30s' or '5m', or 'forever'. Did you mean '1h'?",
    ],
  },
  {
    what: 'extends at the top',
    text: `extends: base\n${memory}`,
    says: ['tierwise.config.yaml:1:1  extends  is for profiles; the file itself extends nothing.'],
  },
  {
    what: 'CACHE_BACKEND that is none',
    text: memory,
    env: { CACHE_BACKEND: 'memcached' },
    says: ["tierwise.config.yaml  CACHE_BACKEND  must be one of 'memory', 'redis', 'hybrid'."],
  },
  {
    what: 'CACHE_DEFAULT_TTL without a unit',
    text: memory,
    env: { CACHE_DEFAULT_TTL: '3600' },
    says: ["tierwise.config.yaml  CACHE_DEFAULT_TTL  must be a text with a unit like '30s', '5m', '1h', or 'forever'."],
  },
  {
    what: 'CACHE_WARM_ON_STARTUP that is neither',
    text: memory,
    env: { CACHE_WARM_ON_STARTUP: 'maybe' },
    says: ['tierwise.config.yaml  CACHE_WARM_ON_STARTUP  must be true or false.'],
  },
  {
    what: 'REDIS_PORT that is none',
    text: 'tiers: { redis: }\n',
    env: { REDIS_HOST: 'cache', REDIS_PORT: '70000' },
    says: ['tierwise.config.yaml  REDIS_PORT  is what ${REDIS_PORT} holds; it must be a whole number from 1 to 65535.'],
  },
  {
    what: 'REDIS_CLUSTER without a host',
    text: 'tiers: { redis: }\n',
    env: { REDIS_CLUSTER: 'True' },
    says: [
      'tierwise.config.yaml  REDIS_CLUSTER  needs REDIS_HOST: a node of the cluster, or several separated by commas.',
    ],
  },
  {
    what: 'a password in a URL of the wrong kind',
    text: 'tiers:\n  postgres: { url: "mysql://root:hunter2@db/shop" }\n',
    says: [
      "tierwise.config.yaml:2:20  tiers.postgres.url  is 'mysql://root:***@db/shop'; it must be a URL like postgres://user@host:5432/database.",
    ],
  },
  {
    what: 'a password that is a number',
    text: 'tiers:\n  redis: { host: cache, password: 123456 }\n',
    says: ['tierwise.config.yaml:2:35  tiers.redis.password  must be a text that is not empty.'],
  },
  {
    what: 'mistakes everywhere',
    text: 'prefix: a b\nnamespaces:\n  a: { ttl: 2h, maxTtl: 1h }\n  b: { ttl: soon }\n  c: { tiers: [redis] }\ntiers:\n  memory: { maxBytes: 0 }\ndefualts: { ttl: 1m }\n',
    says: [
      "tierwise.config.yaml:1:9  prefix  is 'a b'; it must be a text of letters, digits, `_`, `-` and `.`.",
      'tierwise.config.yaml:3:13  namespaces.a.ttl  is 7200000 ms, more than the `maxTtl` of 3600000 ms.',
      "tierwise.config.yaml:4:13  namespaces.b.ttl  is 'soon'; it must be a positive number of milliseconds, a text like '30s' or '5m', or 'forever'.",
      'tierwise.config.yaml:5:16  namespaces.c.tiers[0]  names the tier `redis`, which does not exist. Known: memory.',
      "tierwise.config.yaml:7:23  tiers.memory.maxBytes  is 0; it must be a positive number of bytes or a text like '512kb', '64mb', '1gb'.",
      'tierwise.config.yaml:8:1  defualts  is not an option. Did you mean `defaults`?',
    ],
  },
]
