const core = 'packages/tierwise/src/core/'
const memory = 'packages/tierwise/src/tiers/memory/'
const redis = 'packages/tierwise/src/tiers/redis/'

/** Time stands still in these; they need no server. */
const fleet = [
  'core/fleet/schedules/',
  'core/fleet/protocol-lines',
  'core/fleet/overtaken-changes',
  'core/fleet/late-opening',
  'core/fleet/tag-clocks',
  'core/fleet/two-instances',
  'core/fleet/source-versions',
]

/**
 * Which tests have to notice, by where the line stands; the first that fits. Each list is one run, and the next one is for
 * what the runs before it did not notice. Names are the beginnings of paths below the tests of the library.
 *
 * @type {readonly (readonly [prefix: string, runs: readonly (readonly string[])[]])[]}
 */
const suites = [
  [
    `${core}journal/intents`,
    [
      [
        'core/intents',
        'core/fleet/schedules/outages',
        'core/fleet/schedules/lost-changes',
        'core/fleet/protocol-lines',
        'core/fleet/overtaken-changes',
      ],
      ['core/fleet/restart'],
    ],
  ],
  [
    core,
    [
      fleet,
      [
        'core/coherence.test',
        'core/coherence-order',
        'core/intents',
        'core/tags',
        'core/source-tier',
        'core/fleet/restart',
      ],
      ['core/fleet/random', 'core/coherence-model'],
    ],
  ],
  [memory, [fleet]],
  ['packages/tierwise/src/create-cache-manager', [fleet]],
  [
    `${redis}authority/`,
    [
      ['changes', 'leases', 'lane-memory', 'announcements', 'lost-changes'].map(
        (name) => `tiers/redis/authority/${name}`,
      ),
      ['tiers/redis/authority/random-work', 'tiers/redis/lost-writes'],
      ['fleet/real-schedules'],
    ],
  ],
  [`${redis}lost-writes`, [['tiers/redis/lost-writes', 'tiers/redis/lost-metadata'], ['fleet/real-schedules']]],
  [`${redis}bus/lane`, [['tiers/redis/bus/lane'], ['tiers/redis/lost-metadata', 'tiers/redis/bus/single-server']]],
  [
    `${redis}bus/session`,
    [
      ['tiers/redis/bus/session-lines', 'tiers/redis/bus/barrier', 'tiers/redis/bus/tracking'],
      ['tiers/redis/bus/single-server', 'tiers/redis/bus/sentinel'],
    ],
  ],
  [`${redis}bus/tier-bus`, [['tiers/redis/authority/lost-changes', 'tiers/redis/replica-reads']]],
  [`${redis}bus/`, [['tiers/redis/bus/barrier'], ['tiers/redis/bus/single-server']]],
  [
    redis,
    [
      ['tiers/redis/authority/announcements', 'tiers/redis/lost-metadata', 'tiers/redis/bus/single-server'],
      ['tiers/redis/conformance', 'stacks/shared-chains'],
    ],
  ],
]

/** @param {string} file of a mark @returns {readonly (readonly string[])[]} filters of test files, run by run */
export function runsFor(file) {
  const found = suites.find(([prefix]) => file.startsWith(prefix))
  if (found === undefined) throw new Error(`scripts/mutations/suites.mjs names no tests for ${file}`)
  return found[1].map((names) => names.map((name) => `test/${name}`))
}

/** Whether these tests wait for servers, and may fail when the machine is busy. @param {readonly string[]} run */
export function needsServers(run) {
  return run.some(
    (name) => /^test\/(tiers\/redis|stacks|fleet)\//.test(name) && !name.startsWith('test/tiers/redis/bus/lane'),
  )
}
