import * as z from 'zod'
import { defaults, governance, namespace } from './entries.ts'
import { text } from './leaves.ts'
import { managerShape } from './schema.ts'
import { tierSections } from './tiers.ts'

/** A part of a JSON Schema. */
export interface JsonSchema {
  readonly [word: string]: unknown
  readonly $ref?: string
  readonly title?: string
  readonly type?: string
  readonly const?: string | number | boolean
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly allOf?: readonly JsonSchema[]
  readonly definitions?: Readonly<Record<string, JsonSchema>>
}

/**
 * What editors are told of a file: the schema, with what only a file has. Profiles, entries that are `false` or empty,
 * tiers that are parts of others and so need nothing, and variables in the place of everything.
 */
export function configJsonSchema(): JsonSchema {
  const made = z.toJSONSchema(fileSchema(), { io: 'input', target: 'draft-7', unrepresentable: 'any' }) as JsonSchema
  const { definitions = {}, $schema, ...top } = made
  const parts = Object.entries(definitions).map(([name, part]) => [name, ofFile(name, part)] as const)
  return {
    $schema,
    title: 'tierwise configuration',
    ...ofFile('TierwiseConfig', top),
    definitions: { ...Object.fromEntries(parts), variable: { type: 'string', pattern: '\\$\\{' } },
  }
}

function fileSchema(): z.ZodType {
  const orOut = (part: z.ZodType): z.ZodType => z.union([part, z.literal(false), z.null()])
  const { memory, redis, disk, postgres } = tierSections
  const tiers = z
    .object({
      memory: orOut(memory),
      redis: orOut(redis),
      redisCluster: orOut(redis),
      disk: orOut(disk),
      postgres: orOut(postgres),
    })
    .partial()
    .catchall(orOut(z.union(Object.values(tierSections) as unknown as readonly [z.ZodType, z.ZodType])))
  const sections = z
    .object({ ...managerShape, defaults, governance, tiers, namespaces: z.record(z.string(), orOut(namespace)) })
    .partial().shape
  const profile = z.strictObject({ extends: text.optional(), ...sections }).meta({ id: 'ProfileConfig' })
  return z.strictObject({
    $schema: z.string().optional(),
    ...sections,
    profiles: z.record(z.string(), z.union([profile, z.null()])).optional(),
  })
}

const tierNames = new Set([
  'MemoryTierConfig',
  'RedisTierConfig',
  'DiskTierConfig',
  'PostgresTierConfig',
  'PostgresViewsTierConfig',
])

function ofFile(name: string, part: JsonSchema): JsonSchema {
  const { required, ...rest } = part
  const kept = tierNames.has(name) || required === undefined ? rest : part
  const properties = Object.entries(part.properties ?? {})
    .filter(([, property]) => property['fromCode'] !== true)
    .map(([key, property]) => [key, key === 'type' ? property : withVariable(property)] as const)
  return {
    ...withVariable(kept),
    ...(part.properties === undefined ? {} : { properties: Object.fromEntries(properties) }),
  }
}

/** Everything that is not a text of any kind may also be written as a variable. */
function withVariable(part: JsonSchema): JsonSchema {
  const { fromCode: _, ...own } = part
  if (own.anyOf !== undefined) return withVariableInChoice(own, own.anyOf)
  if (own.type === 'array') return { ...own, ...(own.items === undefined ? {} : { items: withVariable(own.items) }) }
  if (own.type === 'object') return withVariableInObject(own)
  const isAnyText = own.type === 'string' && own.pattern === undefined && own.enum === undefined
  const isFixed = own.const !== undefined || own.type === 'null' || own.type === undefined
  if (isAnyText || isFixed) return own
  return { anyOf: [own, { $ref: '#/definitions/variable' }] }
}

function withVariableInChoice(part: JsonSchema, choices: readonly JsonSchema[]): JsonSchema {
  const inner = choices.filter((choice) => choice['fromCode'] !== true)
  const takesScalar = inner.some(({ type = '' }) => ['number', 'integer', 'boolean', 'string'].includes(type))
  const isEntry = inner.some(({ type }) => type === 'null')
  const variable = takesScalar && !isEntry ? [{ $ref: '#/definitions/variable' }] : []
  return {
    ...part,
    anyOf: [...inner.map((choice) => (choice.type === 'object' ? withVariable(choice) : choice)), ...variable],
  }
}

function withVariableInObject(part: JsonSchema): JsonSchema {
  const { additionalProperties: others, properties } = part
  const named = Object.entries(properties ?? {}).map(([name, property]) => [name, withVariable(property)] as const)
  return {
    ...part,
    ...(properties === undefined ? {} : { properties: Object.fromEntries(named) }),
    ...(typeof others === 'object' && Object.keys(others).length > 0
      ? { additionalProperties: withVariable(others) }
      : {}),
  }
}
