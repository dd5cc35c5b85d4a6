import type { Findings } from './config-issue.ts'
import { unknown as hint } from './spelling.ts'
import { memberOf, membersOf, textOf, withMember } from './tree.ts'
import type { Branch, Tree } from './tree.ts'

/** What a file says for all, and what its profiles lay over that. */
export interface Profiles {
  readonly base: Branch
  readonly byName: ReadonlyMap<string, Branch>
}

/** Takes the profiles out of a file. */
export function readProfiles(root: Branch, findings: Findings): Profiles {
  const byName = new Map<string, Branch>()
  const profiles = memberOf(root, 'profiles')
  if (profiles !== undefined && profiles.kind !== 'branch')
    findings.onValue(profiles.at, { problem: 'must be an object of profiles by name.' })
  for (const [name, profile] of membersOf(profiles)) {
    if (profile.kind === 'branch') byName.set(name, profile)
    else if (profile.kind === 'leaf' && profile.value === null)
      byName.set(name, { kind: 'branch', at: profile.at, members: new Map() })
    else findings.onValue(profile.at, { problem: 'must be an object of options.' })
    const nested = memberOf(profile, 'profiles')
    if (nested !== undefined) findings.onKey(nested.at, { problem: 'cannot be inside of a profile.' })
  }
  const extended = memberOf(root, 'extends')
  if (extended !== undefined)
    findings.onKey(extended.at, { problem: 'is for profiles; the file itself extends nothing.' })
  return {
    base: ['profiles', 'extends', '$schema'].reduce((left, name) => withMember(left, name, undefined), root),
    byName,
  }
}

export interface Choice {
  readonly given: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The profile that holds: the one that was given, or of `TIERWISE_PROFILE`, which has to exist; or of `NODE_ENV`, if it exists. */
export function chooseProfile({ byName }: Profiles, { given, env }: Choice, findings: Findings): string | undefined {
  const named = env['TIERWISE_PROFILE'] === '' ? undefined : env['TIERWISE_PROFILE']
  const name = given ?? named
  if (name === undefined)
    return env['NODE_ENV'] !== undefined && byName.has(env['NODE_ENV']) ? env['NODE_ENV'] : undefined
  if (byName.has(name)) return name
  const source = given === undefined ? ', which TIERWISE_PROFILE names' : ''
  findings.add({ path: 'profiles' }, { problem: `has no \`${name}\`${source}. ${hint(name, [...byName.keys()])}` })
  return undefined
}

/** A profile and those below it, the lowest first. Wrong parents go to `findings`. */
export function lineage({ byName }: Profiles, name: string | undefined, findings: Findings): readonly string[] {
  const line: string[] = []
  let next = name
  while (next !== undefined) {
    line.unshift(next)
    const parent: Tree | undefined = memberOf(byName.get(next), 'extends')
    next = textOf(parent)
    if (parent === undefined) continue
    if (next === undefined) findings.onValue(parent.at, { problem: 'must be the name of a profile.' })
    else if (line.includes(next)) {
      refuseCircle(line.slice(0, line.indexOf(next) + 1).toReversed(), byName, findings)
      return line
    } else if (!byName.has(next)) {
      findings.onValue(parent.at, {
        problem: `is '${next}', and there is no such profile. ${hint(next, [...byName.keys()])}`,
      })
      return line
    }
  }
  return line
}

/** A circle is told once, from the first of its names on. */
function refuseCircle(circle: readonly string[], byName: Profiles['byName'], findings: Findings): void {
  const first = circle.indexOf(circle.toSorted()[0] ?? '')
  const names = [...circle.slice(first), ...circle.slice(0, first + 1)]
  const parent = memberOf(byName.get(names[0] ?? ''), 'extends')
  if (parent !== undefined) findings.onValue(parent.at, { problem: `goes in a circle: ${names.join(' extends ')}.` })
}

/** The names of profiles that others extend; what they say is judged as a part of those. */
export function parentsIn({ byName }: Profiles): ReadonlySet<string> {
  return new Set([...byName.values()].flatMap((profile) => textOf(memberOf(profile, 'extends')) ?? []))
}

/** The file with its profiles laid over it, the lowest first. */
export function layered({ base, byName }: Profiles, names: readonly string[]): Branch {
  return names.reduce((below, name) => {
    const profile = byName.get(name)
    return profile === undefined
      ? below
      : overlayConfig(below, withMember(withMember(profile, 'extends', undefined), 'profiles', undefined))
  }, base)
}

/** Options of which one says the same as another in its own way: where a store is. */
const places: readonly (readonly string[])[] = [['url'], ['host', 'port'], ['sentinel'], ['cluster'], ['dataDir']]

/** Objects merge, everything else is replaced; so is the place of a tier, and a tier that becomes one of another type. */
export function overlayConfig(below: Branch, above: Branch): Branch {
  const tiers = memberOf(above, 'tiers')
  const under = memberOf(below, 'tiers')
  if (tiers?.kind !== 'branch' || under?.kind !== 'branch') return overlay(below, above)
  const left = [...under.members].map(([name, tier]) => [name, withoutReplaced(tier, tiers.members.get(name))] as const)
  return overlay(withMember(below, 'tiers', { ...under, members: new Map(left) }), above)
}

function withoutReplaced(below: Tree, above: Tree | undefined): Tree {
  if (below.kind !== 'branch' || above?.kind !== 'branch') return below
  const type = textOf(memberOf(above, 'type'))
  if (type !== undefined && type !== (textOf(memberOf(below, 'type')) ?? type)) return { ...below, members: new Map() }
  const own = places.find((group) => group.some((name) => above.members.has(name)))
  if (own === undefined) return below
  const others = places.filter((group) => group !== own).flat()
  return others.reduce((left, name) => withMember(left, name, undefined), below)
}

/** Objects merge; everything else is replaced. Nothing behind a name, as YAML allows it, takes nothing away. */
function overlay(below: Branch, above: Branch): Branch {
  const members = new Map(below.members)
  for (const [name, member] of above.members) {
    const under = members.get(name)
    if (under?.kind === 'branch' && member.kind === 'branch') members.set(name, overlay(under, member))
    else if (under?.kind !== 'branch' || member.kind !== 'leaf' || member.value !== null) members.set(name, member)
  }
  return { kind: 'branch', at: above.at, members }
}
