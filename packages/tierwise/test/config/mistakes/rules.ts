import { memory } from './mistake.ts'
import type { Mistake } from './mistake.ts'

/** Rules, namespaces, events and keys. */
export const rulesMistakes: readonly Mistake[] = [
  {
    what: 'a contradiction in a data class that nobody uses yet',
    text: `${memory}governance:\n  dataClasses:\n    curves: { minTtl: 2h, maxTtl: 1h }\n`,
    says: [
      'tierwise.config.yaml:4:23  governance.dataClasses.curves.minTtl  is 7200000 ms, more than the `maxTtl` of 3600000 ms.',
    ],
  },
  {
    what: 'a data class that does not exist',
    text: `${memory}governance:\n  dataClasses:\n    curves: { ttl: 5m }\nnamespaces:\n  a: { dataClass: curve }\n`,
    says: [
      "tierwise.config.yaml:6:19  namespaces.a.dataClass  is 'curve', and `governance.dataClasses` has no such class. Did you mean `curves`?",
    ],
  },
  {
    what: 'a ttl above its cap',
    text: `${memory}namespaces:\n  a:\n    ttl: 2h\n    maxTtl: 1h\n`,
    says: ['tierwise.config.yaml:4:10  namespaces.a.ttl  is 7200000 ms, more than the `maxTtl` of 3600000 ms.'],
  },
  {
    what: 'a cap above that of the data class',
    text: `${memory}governance:\n  dataClasses:\n    curves: { maxTtl: 5m }\nnamespaces:\n  a: { dataClass: curves, maxTtl: 1h }\n`,
    says: ['tierwise.config.yaml:6:35  namespaces.a.maxTtl  is 3600000, and what it is laid on allows at most 300000.'],
  },
  {
    what: 'a shortest ttl above the longest',
    text: `${memory}namespaces:\n  a: { minTtl: 2h, maxTtl: 1h }\n`,
    says: ['tierwise.config.yaml:3:16  namespaces.a.minTtl  is 7200000 ms, more than the `maxTtl` of 3600000 ms.'],
  },
  {
    what: 'a licence without a cap',
    text: `${memory}namespaces:\n  a: { license: ecoinvent }\n`,
    says: [
      'tierwise.config.yaml:3:17  namespaces.a.license  needs `namespaces.a.maxTtl`: how long the licence allows a value to be kept.',
    ],
  },
  {
    what: 'a ttl above that of a licence',
    text: `${memory}namespaces:\n  a: { license: ecoinvent, maxTtl: 1d, ttl: 2d }\n`,
    says: [
      'tierwise.config.yaml:3:45  namespaces.a.ttl  is 172800000 ms, longer than the licence `ecoinvent` allows: at most 86400000 ms.',
    ],
  },
  {
    what: 'a key rule without its pattern',
    text: `${memory}namespaces:\n  a:\n    keyRules:\n      - ttl: 1m\n`,
    says: [
      'tierwise.config.yaml:5:9  namespaces.a.keyRules[0].match  is missing; it must be a text that is not empty.',
    ],
  },
  {
    what: 'a format of keys that is no expression',
    text: `${memory}namespaces:\n  a: { keyFormat: '[a-' }\n`,
    says: ["tierwise.config.yaml:3:19  namespaces.a.keyFormat  is '[a-'; it must be a regular expression as a text."],
  },
  {
    what: 'an alias that is a namespace',
    text: `${memory}namespaces:\n  a:\n  b: { aliases: [a] }\n`,
    says: ["tierwise.config.yaml:4:18  namespaces.b.aliases[0]  is 'a', which is a name of `namespaces.a` already."],
  },
  {
    what: 'an alias of two namespaces',
    text: `${memory}namespaces:\n  a: { aliases: [c] }\n  b: { aliases: [c] }\n`,
    says: ["tierwise.config.yaml:4:18  namespaces.b.aliases[0]  is 'c', which is a name of `namespaces.a` already."],
  },
  {
    what: 'a namespace with a colon',
    text: `${memory}namespaces:\n  'a:b': { ttl: 1m }\n`,
    says: [
      'tierwise.config.yaml:3:3  namespaces["a:b"]  is no name of a namespace: letters, digits, `_`, `-` and `.`, at most 128.',
    ],
  },
  {
    what: 'a group that does not exist',
    text: `${memory}invalidation:\n  groups: { user_data: { namespaces: [users] } }\n  on:\n    user.updated: { groups: [user_dat] }\n`,
    says: [
      'tierwise.config.yaml:5:30  invalidation.on["user.updated"].groups[0]  is \'user_dat\', and `invalidation.groups` has no such group. Did you mean `user_data`?',
    ],
  },
  {
    what: 'a namespace that is not listed, where all are',
    text: `${memory}strictNamespaces: true\nnamespaces: { users: }\ninvalidation:\n  on:\n    user.updated: { patterns: { user: ['{id}:*'] } }\n`,
    says: [
      'tierwise.config.yaml:6:33  invalidation.on["user.updated"].patterns.user  is about the namespace `user`, which is not listed, and `strictNamespaces` is set. Did you mean `users`?',
    ],
  },
  {
    what: 'a secret of the wrong length',
    text: `${memory}encryption:\n  keys:\n    - { id: 1, secret: c2hvcnQ= }\n`,
    says: ['tierwise.config.yaml:4:24  encryption.keys[0].secret  must be 32 bytes in base64.'],
  },
  {
    what: 'two keys of one id',
    text: `${memory}encryption:\n  keys:\n    - { id: 1, secret: ${'A'.repeat(43)}= }\n    - { id: 1, secret: ${'B'.repeat(43)}= }\n`,
    says: ['tierwise.config.yaml:5:13  encryption.keys[1].id  is the id of another key already.'],
  },
]
