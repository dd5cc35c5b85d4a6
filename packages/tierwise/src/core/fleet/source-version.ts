import type { Flight } from '../flight.ts'

/** Whether the loader says that it has read less than counts. */
export function isBehind(flight: Flight, sourceVersion: number | undefined): boolean {
  return sourceVersion !== undefined && sourceVersion < (flight.minSourceVersion ?? -Infinity)
}

/**
 * Whether the loader is to run once more: it has read less than counts, and may read more if it is told again, or for the
 * first time. One that was told and does not say what it has read would do the same again.
 */
export function needsRepeat(flight: Flight, sourceVersion: number | undefined): boolean {
  const wasTold = flight.minSourceVersion !== undefined
  const mayHelp = flight.wasFenced && (sourceVersion !== undefined || !wasTold)
  // protocol P4 fence-repeat: who has invalidated the key must not be handed what was there before
  if (flight.isRepeat || !(mayHelp || isBehind(flight, sourceVersion))) return false
  flight.isRepeat = true
  // What is found below from here on may be older than a change meanwhile, as before the first run.
  flight.stage = 'lookup'
  return true
}
