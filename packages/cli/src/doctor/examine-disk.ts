import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { textOption } from '../configuration.ts'
import { messageOf } from '../failure.ts'
import { bytesOf, sizeText } from '../units.ts'
import type { ConfiguredTier, ExaminationContext } from './configured-tier.ts'
import { fileSystemOf, type FileSystem } from './file-systems.ts'
import type { Facts, Finding, TierExamination } from './finding.ts'

const defaultQuota = 1024 ** 3
/** The layout of the folder that this release knows. */
const knownLayout = 1

/** What is found at the path of a disk tier, without touching it. */
export interface DiskReading {
  readonly folder: string
  /** The folder itself, or the nearest one above that exists. */
  readonly nearest: string
  readonly exists: boolean
  readonly isFolder: boolean
  readonly canWrite: boolean
  readonly freeBytes: number
  readonly fileSystem: FileSystem | undefined
  readonly usedBytes: number
  readonly quotaBytes: number
  readonly quarantines: readonly string[]
  readonly layout: number | undefined
  readonly hasLmdb: boolean
}

/** Looks at the folder of a disk tier. Makes nothing: not the folder, not a file in it. */
export function examineDisk(tier: ConfiguredTier, { library, cwd }: ExaminationContext): TierExamination {
  const folder = resolve(cwd, textOption(tier.options, 'path', '.cache/tierwise'))
  const base = { tier: tier.name, type: tier.type, place: folder, servers: {} }
  try {
    const reading = read(folder, {
      quotaBytes: bytesOf(tier.options['maxBytes']) ?? defaultQuota,
      hasLmdb: library.has('lmdb'),
    })
    return {
      ...base,
      reachable: reading.isFolder && reading.canWrite,
      facts: factsOf(reading),
      findings: judgeDisk(reading),
    }
  } catch (error) {
    const finding: Finding = { severity: 'failure', code: 'unreachable', message: messageOf(error) }
    return { ...base, reachable: false, facts: {}, findings: [finding] }
  }
}

function read(folder: string, given: Pick<DiskReading, 'quotaBytes' | 'hasLmdb'>): DiskReading {
  const nearest = nearestExisting(folder)
  const exists = nearest === folder
  const isFolder = statSync(nearest).isDirectory()
  const { bavail, bsize, type } = statfsSync(nearest)
  const names = exists && isFolder ? readdirSync(folder) : []
  const data = join(folder, 'data.mdb')
  const layoutFile = join(folder, 'layout')
  return {
    ...given,
    folder,
    nearest,
    exists,
    isFolder,
    canWrite: isWritable(nearest),
    freeBytes: bavail * bsize,
    fileSystem: fileSystemOf(type),
    usedBytes: names.includes('data.mdb') ? statSync(data).size : 0,
    quarantines: names.filter((name) => name.startsWith('quarantine-')),
    layout: names.includes('layout') ? Number(readFileSync(layoutFile, 'utf8')) : undefined,
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path))
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function factsOf({ exists, freeBytes, fileSystem, usedBytes, quotaBytes, hasLmdb }: DiskReading): Facts {
  return {
    folder: exists ? 'exists' : 'will be made',
    'file system': fileSystem?.name ?? 'unknown',
    free: sizeText(freeBytes),
    used: sizeText(usedBytes),
    quota: sizeText(quotaBytes),
    lmdb: hasLmdb ? 'installed' : 'not installed',
  }
}

type Rule = (reading: DiskReading) => Finding | undefined

export function judgeDisk(reading: DiskReading): readonly Finding[] {
  return rules.flatMap((rule) => rule(reading) ?? [])
}

const rules: readonly Rule[] = [
  function folder({ isFolder, nearest }) {
    if (isFolder) return undefined
    const message = `${nearest} is a file`
    return { severity: 'failure', code: 'no-folder', message, advice: 'Choose another path' }
  },

  function rights({ canWrite, nearest }) {
    if (canWrite) return undefined
    const message = `${nearest} cannot be written by this user`
    return {
      severity: 'failure',
      code: 'read-only',
      message,
      advice: 'Give the process write permission, or choose another folder',
    }
  },

  function client({ hasLmdb }) {
    if (hasLmdb) return undefined
    const message = 'The package lmdb is not installed'
    return { severity: 'failure', code: 'package-missing', message, advice: 'npm install lmdb' }
  },

  function layout({ layout: found }) {
    if (found === undefined || found === knownLayout) return undefined
    const message = `The folder has layout ${found}, this release knows ${knownLayout}`
    return { severity: 'failure', code: 'layout', message, advice: 'Upgrade, or choose another folder' }
  },

  function system({ fileSystem }) {
    switch (fileSystem?.kind) {
      case 'network': {
        const message = `${fileSystem.name} is a network file system: locks and mapped memory do not work there`
        return { severity: 'failure', code: 'file-system', message, advice: 'Choose a folder on a disk of the host' }
      }
      case 'memory': {
        const message = `${fileSystem.name} is memory: it survives restarts of the process, not of the host`
        return {
          severity: 'warning',
          code: 'file-system',
          message,
          advice: 'Choose a folder on a disk, or leave this tier out',
        }
      }
      case 'layer': {
        const message = `${fileSystem.name} is the layer of a container: what is kept there ends with the container`
        return { severity: 'advice', code: 'file-system', message, advice: 'Mount a volume for it' }
      }
      default:
        return undefined
    }
  },

  function space({ freeBytes, usedBytes, quotaBytes }) {
    const reachable = freeBytes + usedBytes
    const advice = 'Free some space, lower `maxBytes`, or choose another folder'
    if (freeBytes < 256 * 1024)
      return {
        severity: 'failure',
        code: 'space',
        message: `${sizeText(freeBytes)} are free: too little to open it`,
        advice,
      }
    if (reachable < quotaBytes)
      return {
        severity: 'warning',
        code: 'space',
        message: `${sizeText(freeBytes)} are free, less than the quota of ${sizeText(quotaBytes)}: writes will fail`,
        advice,
      }
    if (reachable >= 2 * quotaBytes) return undefined
    const message = `${sizeText(freeBytes)} are free; the file can grow to twice the quota of ${sizeText(quotaBytes)}`
    return { severity: 'advice', code: 'space', message, advice }
  },

  function damage({ quarantines }) {
    const [latest] = quarantines
    if (latest === undefined) return undefined
    const message = `A damaged database was moved to ${latest}`
    return {
      severity: 'warning',
      code: 'quarantine',
      message,
      advice: 'Look for a failing disk or a process that writes there; then remove it',
    }
  },

  function shrunk({ usedBytes, quotaBytes }) {
    if (usedBytes <= 2 * quotaBytes) return undefined
    const message = `The file has ${sizeText(usedBytes)}, more than twice the quota; it never shrinks by itself`
    return { severity: 'advice', code: 'file-large', message, advice: 'Stop the processes and remove the folder' }
  },
]
