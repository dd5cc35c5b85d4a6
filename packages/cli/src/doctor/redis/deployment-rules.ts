import { durationText } from '../../units.ts'
import type { Finding } from '../finding.ts'
import type { RedisNeeds } from './needs.ts'
import type { NodeReading } from './node-probe.ts'

/** What is wrong with all servers together. */
export function deploymentFindings(readings: readonly NodeReading[], needs: RedisNeeds): readonly Finding[] {
  return [...lanes(readings, needs), ...clocks(readings), ...lonelyPrimaries(readings, needs), ...journal(needs)]
}

function lanes(readings: readonly NodeReading[], { topology, lanes: count }: RedisNeeds): readonly Finding[] {
  if (topology !== 'cluster' || count >= readings.length * 4) return []
  const message = `${count} lanes over ${readings.length} primaries: some get much more than others`
  const advice = 'Raise `lanes` in all processes at once, which begins with an empty cache'
  return [{ severity: 'advice', code: 'lanes-few', message, advice }]
}

/** Which nodes are primaries changes with a failover, so their clocks have to agree. */
function clocks(readings: readonly NodeReading[]): readonly Finding[] {
  const offsets = readings.flatMap(({ clock }) => (clock === undefined ? [] : [clock.offsetMs]))
  const errors = readings.map(({ clock }) => clock?.errorMs ?? 0)
  const spread = Math.max(...offsets) - Math.min(...offsets) - 2 * Math.max(...errors)
  if (offsets.length < 2 || spread < 1000) return []
  const message = `The clocks of the servers are ${durationText(spread)} apart`
  return [{ severity: 'warning', code: 'clocks-apart', message, advice: 'Run NTP on all of them' }]
}

function lonelyPrimaries(readings: readonly NodeReading[], { topology }: RedisNeeds): readonly Finding[] {
  if (topology === 'single') return []
  const lonely = readings.filter(({ info }) => info.get('role') === 'master' && info.get('connected_slaves') === '0')
  return lonely.map(({ address }) => ({
    severity: 'warning',
    code: 'no-replica',
    server: address,
    message: 'The primary has no replica: nobody can take over for it',
    advice: 'Add a replica',
  }))
}

function journal({ coherent, hasJournal }: RedisNeeds): readonly Finding[] {
  if (coherent.length === 0 || hasJournal) return []
  const message =
    'An invalidation that Redis cannot take is kept in memory, and lost if the process ends before Redis is back'
  return [{ severity: 'advice', code: 'no-journal', message, advice: 'Add a disk tier: it keeps them over a restart' }]
}
