import pg from 'pg'

import { Announcer } from '../../../../src/tiers/postgres/bus/announcement.ts'
import { tablesOf } from '../../../../src/tiers/postgres/tables.ts'
import { until } from '../../../../src/testing/servers/until.ts'

/** What is sent on the channel of a schema, heard without the library. */
export class Heard {
  readonly payloads: string[] = []
  readonly #client: pg.Client

  static async on(url: string, schema: string, scope = 'tw'): Promise<Heard> {
    const heard = new Heard(url)
    const { channel } = new Announcer({ tables: tablesOf(schema, 'entries'), scope, source: '' })
    await heard.#client.connect()
    await heard.#client.query(`listen "${channel}"`)
    return heard
  }

  private constructor(url: string) {
    this.#client = new pg.Client({ connectionString: url })
    this.#client.on('notification', ({ payload }) => this.payloads.push(payload ?? ''))
  }

  /** Everything that was sent so far, each as its kind and what follows. */
  async bodies(): Promise<readonly (readonly unknown[])[]> {
    await this.#client.query('select 1')
    await this.#client.query("notify nobody, 'listens'")
    return this.payloads.map((payload) => (JSON.parse(payload) as unknown[]).slice(2))
  }

  async until(count: number): Promise<void> {
    await until(() => this.payloads.length >= count, { what: `hearing ${count} messages` })
  }

  end(): Promise<void> {
    return this.#client.end()
  }
}
