import { describe, expect, test } from 'vitest'
import { ConfigFileError, loadConfig } from '../../src/config/index.ts'
import { folderWith } from './config-files.ts'
import type { Mistake } from './mistakes/mistake.ts'
import { rulesMistakes } from './mistakes/rules.ts'
import { sourcesMistakes } from './mistakes/sources.ts'
import { syntaxMistakes } from './mistakes/syntax.ts'
import { tiersMistakes } from './mistakes/tiers.ts'
import { valuesMistakes } from './mistakes/values.ts'

async function refusalOf({ name = 'tierwise.config.yaml', text, profile, env = {}, files }: Mistake): Promise<unknown> {
  const cwd = folderWith({ [name]: text, ...files })
  return loadConfig({ cwd, env, ...(profile === undefined ? {} : { profile }) }).catch((error: unknown) => error)
}

describe.each([
  { about: 'syntax', mistakes: syntaxMistakes },
  { about: 'values', mistakes: valuesMistakes },
  { about: 'tiers', mistakes: tiersMistakes },
  { about: 'rules', mistakes: rulesMistakes },
  { about: 'sources', mistakes: sourcesMistakes },
])('a mistake of $about', ({ mistakes }) => {
  test.each(mistakes)('is told: $what', async (mistake) => {
    const refusal = await refusalOf(mistake)
    expect(refusal).toBeInstanceOf(ConfigFileError)
    const { message, code, issues } = refusal as ConfigFileError
    expect(message).toBe(mistake.says.join('\n'))
    expect(message).not.toContain('hunter2')
    expect(code).toBe('ERR_CACHE_CONFIG')
    expect(issues.map(({ text }) => text)).toEqual(mistake.says)
  })
})

describe('an issue', () => {
  test('has its parts beside its text', async () => {
    const text = 'tiers:\n  memory:\n    maxBytes: 5 mins\n'
    const { issues } = (await refusalOf({ what: '', text, says: [] })) as ConfigFileError
    expect(issues).toEqual([
      {
        file: 'tierwise.config.yaml',
        line: 3,
        column: 15,
        path: 'tiers.memory.maxBytes',
        problem: "is '5 mins'; it must be a positive number of bytes or a text like '512kb', '64mb', '1gb'.",
        allowed: "a positive number of bytes or a text like '512kb', '64mb', '1gb'",
        value: "'5 mins'",
        text: "tierwise.config.yaml:3:15  tiers.memory.maxBytes  is '5 mins'; it must be a positive number of bytes or a text like '512kb', '64mb', '1gb'.",
      },
    ])
  })
})
