import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Claims a folder for this process; PGlite does not notice that another one has its files open, and would damage them.
 * A claim ends with its process. Returns the function that gives the folder back.
 */
export function claimFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true })
  const claim = join(folder, 'owner.pid')
  if (!write(claim)) {
    const owner = Number(readFileSync(claim, 'utf8'))
    if (owner !== process.pid && isAlive(owner))
      throw new Error(`Process ${owner} is serving from ${folder}. Stop it, or give this one a folder with --data.`)
    rmSync(claim)
    if (!write(claim)) throw new Error(`Another process has just begun to serve from ${folder}.`)
  }
  return () => rmSync(claim, { force: true })
}

function write(claim: string): boolean {
  try {
    writeFileSync(claim, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 is not sent, only checked.
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
