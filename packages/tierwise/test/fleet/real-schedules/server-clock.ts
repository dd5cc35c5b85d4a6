/**
 * The clock of the server, which goes with that of the test. A real one cannot be set, so each script is given its time:
 * `TIME` is answered with that, and everything else by the server. What the server itself ends (PX) it ends by
 * its own clock, which in a test means never.
 */
export class ServerTime {
  skewMs = 0
  readonly #now: () => number
  #last = NaN
  #readings = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** Seconds and microseconds, as `TIME` answers. No two readings are alike, as with a real clock. */
  read(): readonly [seconds: string, microseconds: string] {
    const ms = this.#now() + this.skewMs
    this.#readings = ms === this.#last ? this.#readings + 1 : 0
    this.#last = ms
    const micros = Math.floor(ms * 1000) + this.#readings
    return [String(Math.floor(micros / 1_000_000)), String(micros % 1_000_000)]
  }
}

/** The script, which goes by the clock of the test: its last two arguments are what `TIME` answers. */
export function timed(source: string): string {
  return `local server, microseconds, seconds = redis, table.remove(ARGV), table.remove(ARGV)
local redis = { pcall = server.pcall, call = function(name, ...)
  if name == 'TIME' then return { seconds, microseconds } end
  return server.call(name, ...)
end }
${source}`
}
