import type { CoordinationStore, Scored, ScoreRange } from '../../contract/coordination.ts'
import { lifeText, newLifeText, scoreText } from './arguments.ts'
import {
  containsScript,
  enterScript,
  fieldsScript,
  leaveScript,
  membersScript,
  rankedScript,
  rankScript,
  setFieldsScript,
  sizeScript,
  unrankMembersScript,
  unrankRangeScript,
} from './collection-scripts.ts'
import { flagsOf, listOf, numberOf, pairsOf, textOf } from './replies.ts'
import type { RunStep } from './server.ts'

type SetSteps = Pick<CoordinationStore, 'enter' | 'contains' | 'leave' | 'size' | 'members'>
type FieldSteps = Pick<CoordinationStore, 'setFields' | 'fields'>
type RankSteps = Pick<CoordinationStore, 'rank' | 'ranked' | 'unrank'>

/** Sets whose members end by themselves, fields of one key, and lists that are sorted by a number. */
export function collectionSteps(run: RunStep): SetSteps & FieldSteps & RankSteps {
  return { ...setSteps(run), ...fieldSteps(run), ...rankSteps(run) }
}

function setSteps(run: RunStep): SetSteps {
  return {
    enter: async (key, members) => {
      const args = members.flatMap(({ member, ttlMs }) => [member, lifeText(ttlMs)])
      return flagsOf(await run(enterScript, key, args))
    },
    contains: async (key, members) => flagsOf(await run(containsScript, key, members)),
    leave: async (key, members) => flagsOf(await run(leaveScript, key, members)),
    size: async (key) => numberOf(await run(sizeScript, key, [])),
    members: async (key) => {
      const found = listOf(await run(membersScript, key, []))
      return found.map((member) => textOf(member).slice(1))
    },
  }
}

function fieldSteps(run: RunStep): FieldSteps {
  return {
    setFields: async (key, fields, ttlMs) => {
      const changes = Object.entries(fields).flatMap(([name, value]) =>
        value === null ? [name, '-', ''] : [name, '=', value],
      )
      await run(setFieldsScript, key, [newLifeText(ttlMs), ...changes])
    },
    fields: async (key, names) => {
      const reply = await run(fieldsScript, key, names === undefined ? ['all'] : ['some', ...names])
      return reply === null ? undefined : Object.fromEntries(pairsOf(reply))
    },
  }
}

function rankSteps(run: RunStep): RankSteps {
  return {
    rank: async (key, members, { keep = Infinity, ttlMs } = {}) => {
      const args = members.flatMap(({ member, score }) => [scoreText(score), member])
      await run(rankScript, key, [keep === Infinity ? '' : String(keep), newLifeText(ttlMs), ...args])
    },
    ranked: async (key, { limit = Infinity, reverse = false, ...range } = {}) => {
      const args = [...rangeOf(range), limit === Infinity ? '-1' : String(limit), reverse ? 'down' : 'up']
      const pairs = pairsOf(await run(rankedScript, key, args))
      return pairs.map(([member, score]): Scored => ({ member, score: Number(score) }))
    },
    unrank: async (key, which) => {
      const reply =
        'length' in which
          ? await run(unrankMembersScript, key, which)
          : await run(unrankRangeScript, key, rangeOf(which))
      return numberOf(reply)
    },
  }
}

function rangeOf({ min = -Infinity, max = Infinity }: Pick<ScoreRange, 'min' | 'max'>): readonly [string, string] {
  return [scoreText(min), scoreText(max)]
}
