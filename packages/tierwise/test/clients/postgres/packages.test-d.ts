import type { PGlite, PGliteInterface } from '@electric-sql/pglite'
import type { Client, Pool } from 'pg'
import type { Sql } from 'postgres'
import { expectTypeOf, test } from 'vitest'

import type { PostgresConnectionOptions } from '../../../src/clients/postgres/connection-options.ts'

test('takes what the packages give', () => {
  expectTypeOf<Pool>().toExtend<NonNullable<PostgresConnectionOptions['pool']>>()
  expectTypeOf<Client>().toExtend<NonNullable<PostgresConnectionOptions['client']>>()
  expectTypeOf<Sql>().toExtend<NonNullable<PostgresConnectionOptions['sql']>>()
  expectTypeOf<Sql<{ bigint: bigint }>>().toExtend<NonNullable<PostgresConnectionOptions['sql']>>()
  expectTypeOf<PGlite>().toExtend<NonNullable<PostgresConnectionOptions['pglite']>>()
  expectTypeOf<PGliteInterface>().toExtend<NonNullable<PostgresConnectionOptions['pglite']>>()
})

test('takes no other object', () => {
  expectTypeOf<Map<string, string>>().not.toExtend<NonNullable<PostgresConnectionOptions['pool']>>()
  // @ts-expect-error a client is not a pool
  expectTypeOf<Client>().toExtend<NonNullable<PostgresConnectionOptions['pool']>>()
})
