import type { PostgresRow } from '../../clients/postgres/port.ts'
import type { CoordinationStore } from '../../contract/coordination.ts'
import type { Ask } from './steps.ts'
import { bytesOf, textIn } from './stored-text.ts'
import { stretch } from './stretches.ts'

type Steps = Pick<
  CoordinationStore,
  'enter' | 'contains' | 'leave' | 'size' | 'members' | 'setFields' | 'fields' | 'rank' | 'ranked' | 'unrank'
>

/** The steps of sets, fields and lists that are sorted by a number. */
export function collectionSteps(ask: Ask): Steps {
  return { ...setSteps(ask), ...fieldSteps(ask), ...rankSteps(ask) }
}

function setSteps(ask: Ask): Pick<Steps, 'enter' | 'contains' | 'leave' | 'size' | 'members'> {
  return {
    enter: async (key, members) => {
      if (members.length === 0) return []
      const lives = new Map(members.map(({ member, ttlMs }) => [member, stretch(ttlMs)]))
      const rows = await ask('enter', key, [[...lives.keys()].map(bytesOf), [...lives.values()]])
      return forEach(members, { names: lives, rows, nameOf: ({ member }) => member })
    },
    contains: async (key, members) => answersIn(await ask('contains', key, [members.map(bytesOf)])),
    leave: async (key, members) => {
      const names = new Set(members)
      const rows = await ask('leave', key, [[...names].map(bytesOf)])
      return forEach(members, { names, rows, nameOf: (member) => member })
    },
    size: async (key) => Number((await ask('size', key))[0]?.['answer']),
    members: async (key) => (await ask('members', key)).map((row) => textIn(row['answer'])),
  }
}

/** A member that is named again was there, or is gone, by the time it is its turn. */
function forEach<T>(
  given: readonly T[],
  {
    names,
    rows,
    nameOf,
  }: {
    readonly names: { keys(): IterableIterator<string> }
    readonly rows: readonly PostgresRow[]
    readonly nameOf: (each: T) => string
  },
): readonly boolean[] {
  const answers = answersIn(rows)
  const left = new Map([...names.keys()].map((name, index) => [name, answers[index] === true]))
  return given.map((each) => {
    const name = nameOf(each)
    const answer = left.get(name) === true
    left.set(name, false)
    return answer
  })
}

function answersIn(rows: readonly PostgresRow[]): readonly boolean[] {
  return rows.map((row) => row['answer'] === true)
}

function fieldSteps(ask: Ask): Pick<Steps, 'setFields' | 'fields'> {
  return {
    setFields: async (key, fields, ttlMs) => {
      const names = Object.keys(fields).map(bytesOf)
      const values = Object.values(fields).map((value) => (value === null ? null : bytesOf(value)))
      await ask('setFields', key, [names, values, ttlMs !== undefined, stretch(ttlMs)])
    },
    fields: async (key, names) => {
      const [present, ...rows] = await ask('fields', key, [names === undefined ? null : names.map(bytesOf)])
      if (present === undefined) return undefined
      return Object.fromEntries(rows.map((row) => [textIn(row['field']), textIn(row['content'])]))
    },
  }
}

function rankSteps(ask: Ask): Pick<Steps, 'rank' | 'ranked' | 'unrank'> {
  return {
    rank: async (key, members, { keep, ttlMs } = {}) => {
      const scores = new Map(members.map(({ member, score }) => [member, score]))
      const names = [...scores.keys()].map(bytesOf)
      await ask('rank', key, [names, [...scores.values()], stretch(keep), ttlMs !== undefined, stretch(ttlMs)])
    },
    ranked: async (key, { min = -Infinity, max = Infinity, limit, reverse = false } = {}) => {
      const rows = await ask('ranked', key, [min, max, stretch(limit), reverse])
      return rows.map((row) => ({ member: textIn(row['entry']), score: Number(row['points']) }))
    },
    unrank: async (key, which) => {
      const [row] =
        'length' in which
          ? await ask('unrank', key, [which.map(bytesOf), null, null])
          : await ask('unrank', key, [null, which.min ?? -Infinity, which.max ?? Infinity])
      return Number(row?.['answer'])
    },
  }
}
