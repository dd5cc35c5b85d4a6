import type { PostgresSession } from '../../clients/postgres/port.ts'
import type { TagMarks, TagStore } from '../../contract/tags.ts'
import { tellTagsText, type Announcer } from './bus/announcement.ts'
import type { Tables } from './tables.ts'

export interface PostgresTagStoreOptions {
  readonly tables: Tables
  /** Managers with different prefixes have clocks of their own. */
  readonly scope: string
  /** Where invalidations are told; nowhere when it is left out. */
  readonly announcer?: Announcer | undefined
  /** @throws TierError when the tier is not open. */
  readonly session: () => PostgresSession
  /** Runs the work, its failures as those of the tier. */
  readonly guarded: <T>(work: () => Promise<T>) => Promise<T>
}

/**
 * Tag marks in a table that is logged even where the entries are not: a server that crashed would otherwise start the
 * clock again, and entries that other tiers hold would come back to life.
 *
 * The clock is the row with the empty tag, whose lock puts invalidations one after the other; a tag has a slash before it.
 */
export class PostgresTagStore implements TagStore {
  readonly #options: PostgresTagStoreOptions

  constructor(options: PostgresTagStoreOptions) {
    this.#options = options
  }

  load(after = -1): Promise<TagMarks> {
    const { tables, scope, session, guarded } = this.#options
    return guarded(async () => {
      const rows = await session().query({
        text: `select tag, mark from ${tables.tags} where scope = $1::bytea and (mark > $2::bigint or tag = '')`,
        values: [Buffer.from(scope), after],
      })
      const marks = new Map(rows.map((row) => [(row['tag'] as Buffer).toString(), Number(row['mark'])]))
      const clock = marks.get('') ?? 0
      marks.delete('')
      return { clock, marks: new Map([...marks].map(([tag, mark]) => [tag.slice(1), mark])) }
    })
  }

  invalidate(tags: readonly string[], atLeast: number): Promise<number> {
    const { tables, scope, session, guarded, announcer } = this.#options
    const names = [...new Set(tags)]
    const { before, after } = announcer?.tags(names) ?? { before: '', after: [] }
    return guarded(async () => {
      const [row] = await session().query({
        text: `with clock as (
  insert into ${tables.tags} as held (scope, tag, mark) values ($1::bytea, '', greatest(1, $2::bigint))
  on conflict (scope, tag) do update set mark = greatest(held.mark + 1, $2::bigint)
  returning mark
), marked as (
  insert into ${tables.tags} as held (scope, tag, mark)
  select $1::bytea, given.tag, clock.mark
  from clock, unnest($3::bytea[]) as given (tag)
  order by given.tag
  on conflict (scope, tag) do update set mark = greatest(held.mark, excluded.mark)
)
select mark, ${tellTagsText('$4', '$5', '$6')} as told from clock`,
        values: [
          Buffer.from(scope),
          atLeast,
          names.map((tag) => Buffer.from(`/${tag}`)),
          announcer?.channel ?? '',
          before,
          after,
        ],
      })
      return Number(row?.['mark'])
    })
  }
}
