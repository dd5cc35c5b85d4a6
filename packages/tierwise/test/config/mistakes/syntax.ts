import { memory } from './mistake.ts'
import type { Mistake } from './mistake.ts'

const anchors = (): string => {
  const level = (name: string, below: string): string =>
    `  ${name}: &${name} [${Array.from({ length: 9 }, () => `*${below}`).join(', ')}]\n`
  const lowest = `  a: &a [${'x, '.repeat(9)}x]\n`
  return `${memory}application:\n${lowest}${level('b', 'a')}${level('c', 'b')}${level('d', 'c')}`
}

/** Files that cannot be read, or are not an object of options. */
export const syntaxMistakes: readonly Mistake[] = [
  {
    what: 'a merge of something that is no map',
    text: `${memory}namespaces:\n  a: { <<: 5, ttl: 1m }\n`,
    says: ['tierwise.config.yaml  cannot be read: merge sources must be maps or map aliases.'],
  },
  {
    what: 'an empty file',
    text: '',
    says: ['tierwise.config.yaml  is empty; a configuration names at least one tier, or a `preset`.'],
  },
  {
    what: 'a file of comments',
    text: '# nothing yet\n',
    says: ['tierwise.config.yaml  is empty; a configuration names at least one tier, or a `preset`.'],
  },
  {
    what: 'a list',
    text: '- memory\n',
    says: ['tierwise.config.yaml:1:1  is a list; it must be an object of options.'],
  },
  {
    what: 'a single value',
    text: 'memory\n',
    says: ['tierwise.config.yaml:1:1  is a single value; it must be an object of options.'],
  },
  {
    what: 'no tier',
    text: 'prefix: shop\n',
    says: ['tierwise.config.yaml  tiers  has no tier; name at least one, or a `preset`.'],
  },
  {
    what: 'tabs as indentation',
    text: 'tiers:\n\tmemory:\n',
    says: ['tierwise.config.yaml:2:1  is indented with a tab; YAML is indented with blanks.'],
  },
  {
    what: 'a quote that is never closed',
    text: 'tiers: { memory: }\nprefix: "shop\n',
    says: ['tierwise.config.yaml:3:1  cannot be read: missing closing "quote.'],
  },
  {
    what: 'a bracket that is never closed in JSON',
    name: 'tierwise.config.json',
    text: '{ "tiers": { "memory": {} }',
    says: ['tierwise.config.json:1:28  cannot be read: flow map must end with a }.'],
  },
  {
    what: 'a second document',
    text: `${memory}---\nprefix: shop\n`,
    says: ['tierwise.config.yaml:2:1  begins a second document; a configuration is one.'],
  },
  {
    what: 'an unknown tag',
    text: `${memory}prefix: !env SHOP\n`,
    says: ['tierwise.config.yaml:2:9  has the tag !env, which means nothing here; leave it out.'],
  },
  {
    what: 'an alias without its anchor',
    text: `${memory}prefix: *shop\n`,
    says: ['tierwise.config.yaml:2:9  refers to `shop`, which no anchor before it names.'],
  },
  {
    what: 'an anchor that contains itself',
    text: `${memory}application: &all { all: *all }\n`,
    says: ['tierwise.config.yaml:2:26  application.all.all  refers to `all`, of which it is a part.'],
  },
  {
    what: 'aliases that explode',
    text: anchors(),
    says: ['tierwise.config.yaml  repeats too much through aliases; at most 100 repetitions are read.'],
  },
  {
    what: 'a name that is given twice',
    text: 'tiers:\n  memory: { maxBytes: 1mb }\n  memory: { maxBytes: 2mb }\n',
    says: ['tierwise.config.yaml:3:3  tiers.memory  is given twice.'],
  },
  {
    what: 'a namespace that is given twice',
    name: 'tierwise.config.json',
    text: '{\n  "tiers": { "memory": {} },\n  "namespaces": {\n    "a": {},\n    "a": { "ttl": "1m" }\n  }\n}\n',
    says: ['tierwise.config.json:5:5  namespaces.a  is given twice.'],
  },
  {
    what: 'the name of a prototype',
    text: `${memory}namespaces:\n  __proto__: { ttl: 1m }\n`,
    says: ['tierwise.config.yaml:3:3  namespaces.__proto__  cannot be a name.'],
  },
  {
    what: 'a name that is a list',
    text: `${memory}namespaces:\n  ? [a, b]\n  : { ttl: 1m }\n`,
    says: ['tierwise.config.yaml:3:5  namespaces  has a name that is not a text.'],
  },
  {
    what: 'lines that end as on Windows, and a mark at the beginning',
    text: '\uFEFFtiers:\r\n  memory:\r\n    maxBytes: 1 mb\r\n',
    says: [
      "tierwise.config.yaml:3:15  tiers.memory.maxBytes  is '1 mb'; it must be a positive number of bytes or a text like '512kb', '64mb', '1gb'. Did you mean '1mb'?",
    ],
  },
  {
    what: 'code without a default export',
    name: 'tierwise.config.mjs',
    text: 'export const config = {}\n',
    says: ['tierwise.config.mjs  has no default export: `export default defineConfig({ ... })`.'],
  },
  {
    what: 'code that throws',
    name: 'tierwise.config.mjs',
    text: "throw new Error('no database')\n",
    says: ['tierwise.config.mjs  cannot be loaded: no database'],
  },
  {
    what: 'code with a mistake',
    name: 'tierwise.config.mjs',
    text: "export default { tiers: { memory: {} }, namespaces: { a: { ttl: '5 mins', schema: 'zod', tags: [5] } } }\n",
    says: [
      "tierwise.config.mjs  namespaces.a.ttl  is '5 mins'; it must be a positive number of milliseconds, a text like '30s' or '5m', or 'forever'. Did you mean '5m'?",
      "tierwise.config.mjs  namespaces.a.schema  is 'zod'; it must be a Standard Schema from a code file.",
      'tierwise.config.mjs  namespaces.a.tags[0]  is 5; it must be a text that is not empty.',
    ],
  },
  {
    what: 'code that contains itself',
    name: 'tierwise.config.mjs',
    text: 'const tiers = { memory: {} }\ntiers.memory.tiers = tiers\nexport default { tiers }\n',
    says: ['tierwise.config.mjs  tiers.memory.tiers  contains itself.'],
  },
  {
    what: 'TypeScript with a mistake',
    name: 'tierwise.config.ts',
    text: "interface Own { prefix: string }\nconst own: Own = { prefix: 'a b' }\nexport default { ...own, preset: 'memory' }\n",
    says: ["tierwise.config.ts  prefix  is 'a b'; it must be a text of letters, digits, `_`, `-` and `.`."],
  },
  {
    what: 'JSON with tabs and a mistake',
    name: 'tierwise.config.json',
    text: '{\n\t"tiers": {\n\t\t"memory": { "maxBytes": "lots" }\n\t}\n}\n',
    says: [
      "tierwise.config.json:3:27  tiers.memory.maxBytes  is 'lots'; it must be a positive number of bytes or a text like '512kb', '64mb', '1gb'.",
    ],
  },
]
