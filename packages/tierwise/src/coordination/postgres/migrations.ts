import type { Migration } from '../../clients/postgres/migrations/migration.ts'
import type { CoordinationNames } from './names.ts'
import { collectionFunctions } from './sql/collections.ts'
import { limitFunctions } from './sql/limits.ts'
import { memberFunctions } from './sql/members.ts'
import { commonFunctions } from './sql/step.ts'
import { sweepFunctions } from './sql/sweep.ts'
import { tableStatements } from './sql/tables.ts'
import { tenureFunctions } from './sql/tenures.ts'
import { textFunctions } from './sql/texts.ts'

/** All migrations of a store, oldest first. A number that was released is never changed. */
export function coordinationMigrations(names: CoordinationNames): readonly Migration[] {
  return [
    {
      number: 1,
      isBreaking: true,
      statements: [
        ...tableStatements(names),
        ...commonFunctions(names),
        ...textFunctions(names),
        ...memberFunctions(names),
        ...collectionFunctions(names),
        ...tenureFunctions(names),
        ...limitFunctions(names),
        ...sweepFunctions(names),
      ],
    },
  ]
}
