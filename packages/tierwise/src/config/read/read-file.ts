import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { Findings } from '../config-issue.ts'
import type { Branch } from '../tree.ts'
import { importCode } from './import-code.ts'
import type { ImportModule } from './import-code.ts'
import { parseText } from './parse-text.ts'

/**
 * Reads a file into a tree.
 *
 * @throws ConfigFileError when it cannot be read, or is not an object of options
 * @throws ConfigError ERR_CACHE_PEER_MISSING when it needs jiti
 */
export async function readConfigFile(file: string, findings: Findings, load?: ImportModule): Promise<Branch> {
  const tree = isCode(file) ? await importCode(file, findings, load) : await readText(file, findings)
  if (tree !== undefined && tree.kind !== 'branch')
    findings.onValue(tree.at, {
      problem: `is ${tree.kind === 'list' ? 'a list' : 'a single value'}; it must be an object of options.`,
    })
  findings.throwIfAny()
  return tree as Branch
}

function isCode(file: string): boolean {
  return ['.ts', '.mts', '.js', '.mjs'].includes(extname(file))
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist.',
  EISDIR: 'is a folder; name the file.',
  EACCES: 'cannot be read: this process has no right to.',
}

async function readText(file: string, findings: Findings): ReturnType<typeof importCode> {
  try {
    const text = await readFile(file, 'utf8')
    if (['.json', '.yaml', '.yml'].includes(extname(file))) return parseText(text, findings)
    findings.add({ path: '' }, { problem: 'is none of .ts, .mts, .js, .mjs, .json, .yaml and .yml.' })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'no reason given'
    findings.add({ path: '' }, { problem: reasons[code] ?? `cannot be read (${code}).` })
  }
  return undefined
}
