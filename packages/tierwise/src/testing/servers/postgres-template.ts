import { createHash } from 'node:crypto'
import { lstat, realpath, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PostgresPrograms } from './postgres-programs.ts'
import { runProgram, type SystemUser } from './program.ts'
import { ServerFolder } from './server-folder.ts'

/** A data folder as `initdb` makes it: superuser `postgres`, UTF-8, locale C, everybody trusted. */
export interface PostgresTemplate {
  readonly programs: PostgresPrograms
  readonly user: SystemUser | undefined
}

/**
 * Puts a new data folder at the path. `initdb` takes seconds, so its result is kept in the folder of temporary files,
 * one for each installed PostgreSQL and user, and copied.
 */
export async function makeDataFolder(path: string, template: PostgresTemplate): Promise<void> {
  const kept = await templatePath(template)
  if (!(await isOurs(kept, template.user))) await keepTemplate(kept, template)
  await runProgram('cp', ['-a', kept, path], { user: template.user })
}

/** Forgets the kept folder, which a cleaner of temporary files may have thinned out. */
export async function discardTemplate(template: PostgresTemplate): Promise<void> {
  await rm(await templatePath(template), { recursive: true, force: true })
}

async function templatePath({ programs, user }: PostgresTemplate): Promise<string> {
  const { mtimeMs, size } = await stat(programs.postgres)
  const identity = [await realpath(programs.postgres), mtimeMs, size, user?.uid ?? process.getuid?.()].join(' ')
  const name = createHash('sha256').update(identity).digest('hex').slice(0, 12)
  return join(await realpath(tmpdir()), `tierwise-postgres-template-${name}`)
}

/** Other users can write to the folder of temporary files: a template of theirs would run their code. */
async function isOurs(path: string, user: SystemUser | undefined): Promise<boolean> {
  try {
    const found = await lstat(path)
    return found.isDirectory() && found.uid === (user?.uid ?? process.getuid?.()) && (found.mode & 0o077) === 0
  } catch {
    return false
  }
}

async function keepTemplate(kept: string, { programs, user }: PostgresTemplate): Promise<void> {
  const folder = await ServerFolder.create({ kind: 'initdb', owner: user })
  try {
    const path = join(await folder.makeFolder('template'), 'data')
    const encoding = ['--encoding=UTF8', '--locale=C']
    const small = ['--wal-segsize=1', '--no-sync']
    await runProgram(programs.initdb, ['-D', path, '-U', 'postgres', '--auth=trust', ...encoding, ...small], { user })
    await rename(path, kept).catch(async (error: unknown) => {
      // Another process was faster; its template is as good.
      if (!(await isOurs(kept, user))) throw error
    })
  } finally {
    await folder.remove()
  }
}
