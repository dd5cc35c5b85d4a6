import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ConfigError } from '../../errors.ts'

const endings = ['ts', 'mts', 'js', 'mjs', 'json', 'yaml', 'yml']
const fileName = new RegExp(`^tierwise\\.config\\.(?:${endings.join('|')})$`)

/**
 * The configuration file of a folder: `tierwise.config.` and ts, mts, js, mjs, json, yaml or yml, in the folder itself or in
 * its `config`. Its whole path, or undefined when there is none.
 *
 * @throws ConfigError ERR_CACHE_CONFIG when there are two: nobody should have to know which one wins
 */
export async function findConfig(cwd: string = process.cwd()): Promise<string | undefined> {
  const folders = [resolve(cwd), resolve(cwd, 'config')]
  const found = (await Promise.all(folders.map(configsIn))).flat()
  const [file, other] = found
  if (file !== undefined && other !== undefined)
    throw new ConfigError(
      `There is more than one configuration: ${found.join(', ')}. Keep one of them, or name the one that is meant.`,
      { code: 'ERR_CACHE_CONFIG' },
    )
  return file
}

async function configsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => [])
  return names
    .filter((name) => fileName.test(name))
    .toSorted()
    .map((name) => join(folder, name))
}

/** The file that was given, or named by `TIERWISE_CONFIG`, or found. */
export async function locateConfig(
  given: string | undefined,
  surroundings: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> },
): Promise<string> {
  const { cwd, env } = surroundings
  const named = given ?? (env['TIERWISE_CONFIG'] === '' ? undefined : env['TIERWISE_CONFIG'])
  const file = named === undefined ? await findConfig(cwd) : resolve(cwd, named)
  if (file !== undefined) return file
  throw new ConfigError(
    `There is no configuration in ${cwd} or its folder config. Write a tierwise.config.yaml (or ${endings.join(', ')}), or name the file.`,
    { code: 'ERR_CACHE_CONFIG' },
  )
}
