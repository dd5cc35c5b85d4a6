import type { NoteStore, Tier } from '../../src/contract/tier.ts'
import type { TierDefect } from './tier-defect.ts'

const withNotes =
  (change: (notes: NoteStore) => Partial<NoteStore>) =>
  (tier: Tier): Partial<Tier> => {
    const notes = tier.notes!
    const whole: NoteStore = {
      names: (prefix) => notes.names(prefix),
      get: (name) => notes.get(name),
      set: (name, bytes) => notes.set(name, bytes),
    }
    return { notes: { ...whole, ...change(notes) } }
  }

/** Notes of tiers that are wrong. */
export const noteDefects: readonly TierDefect[] = [
  ['declares notes and has none', 'notes', () => ({ notes: undefined }) as unknown as Partial<Tier>],
  [
    'keeps a note for ever',
    'notes',
    withNotes((notes) => ({ set: (name, bytes) => notes.set(name, bytes ?? Uint8Array.of()) })),
  ],
  ['lists every note', 'notes', withNotes((notes) => ({ names: () => notes.names('') }))],
  [
    'keeps the first of two notes of a name',
    'notes',
    withNotes((notes) => ({
      set: async (name, bytes) => {
        if (bytes === undefined || (await notes.get(name)) === undefined) await notes.set(name, bytes)
      },
    })),
  ],
  [
    'acknowledges a note before it is there',
    'notes',
    withNotes((notes) => ({
      set: async (name, bytes) => {
        setImmediate(() => void notes.set(name, bytes).catch(() => undefined))
      },
    })),
  ],
  [
    'gives out the memory of a note',
    'notes',
    withNotes((notes) => {
      const given = new Map<string, Uint8Array | undefined>()
      return {
        get: async (name) => {
          if (!given.has(name)) given.set(name, await notes.get(name))
          return given.get(name)
        },
        set: (name, bytes) => {
          given.delete(name)
          return notes.set(name, bytes)
        },
      }
    }),
  ],
]
