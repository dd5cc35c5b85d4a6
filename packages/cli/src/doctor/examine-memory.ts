import { constrainedMemory } from 'node:process'
import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { bytesOf, sizeText } from '../units.ts'
import type { ConfiguredTier } from './configured-tier.ts'
import type { Finding, TierExamination } from './finding.ts'

/** Of the memory tier where the configuration does not say. */
const defaultBudget = 100 * 1024 ** 2

/** What a process of this host may take. */
export interface MemoryLimits {
  /** Of the container, or of the host. */
  readonly memoryBytes: number
  readonly isContainer: boolean
  /** Of V8, as this program was started. */
  readonly heapBytes: number
}

function memoryLimits(): MemoryLimits {
  const constrained = constrainedMemory() ?? 0
  const total = totalmem()
  const isContainer = constrained > 0 && constrained < total
  return {
    memoryBytes: isContainer ? constrained : total,
    isContainer,
    heapBytes: getHeapStatistics().heap_size_limit,
  }
}

/** Holds the budget of a memory tier against the limits of a process on this host. */
export function examineMemory(tier: ConfiguredTier, limits: MemoryLimits = memoryLimits()): TierExamination {
  const budget = bytesOf(tier.options['maxBytes']) ?? defaultBudget
  const where = limits.isContainer ? 'the container' : 'the host'
  return {
    tier: tier.name,
    type: tier.type,
    place: 'in each process',
    reachable: undefined,
    facts: {
      budget: sizeText(budget),
      heap: `${sizeText(limits.heapBytes)}, as this program was started`,
      memory: `${sizeText(limits.memoryBytes)} of ${where}`,
    },
    servers: {},
    findings: [...judge(budget, limits, where)],
  }
}

function judge(budget: number, { heapBytes, memoryBytes }: MemoryLimits, where: string): readonly Finding[] {
  const advice = 'Lower `maxBytes`, or give Node more (`--max-old-space-size`) and see that the host has it'
  if (budget >= Math.min(heapBytes, memoryBytes)) {
    const message = `A full tier (${sizeText(budget)}) does not fit: the process ends before it evicts`
    return [{ severity: 'failure', code: 'memory-budget', message, advice }]
  }
  const [limit, name] = heapBytes <= memoryBytes ? [heapBytes, 'the heap'] : [memoryBytes, `the memory of ${where}`]
  if (budget <= limit / 2) return []
  const share = Math.round((budget / limit) * 100)
  const message = `A full tier (${sizeText(budget)}) takes ${share} % of ${name}, which the application needs too`
  return [{ severity: 'warning', code: 'memory-budget', message, advice }]
}
