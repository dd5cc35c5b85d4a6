import { join } from 'node:path'
import { bundledProgram } from '../../bundled-program.ts'

/** The path of a program in `children`, as plain JavaScript. */
export function bundledChild(name: string): Promise<string> {
  const folder = join(import.meta.dirname, 'children')
  return bundledProgram({ folder, name, external: ['ioredis', 'iovalkey', 'redis'] })
}
