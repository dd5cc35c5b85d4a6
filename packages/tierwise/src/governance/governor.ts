import { HeavyHitters } from '../base/heavy-hitters.ts'
import { keyFamily } from '../base/key-family.ts'
import type { PolicyViolationEvent } from '../contract/events.ts'
import type { GovernanceRule, Offender, ViolationCounts, ViolationOutcome } from '../contract/governance.ts'
import type { GovernanceMode } from '../contract/options.ts'
import { LicenseViolationError, PolicyViolationError } from '../errors.ts'
import type { RuleSet } from './rule-set.ts'

/** A rule that is not kept, and what would be needed to keep it. */
export interface Breach {
  readonly rule: GovernanceRule
  /** What was asked for and what is allowed, to be read after the name of the call. */
  readonly detail: string
  /** Set for a ttl. */
  readonly ttl?: { readonly requestedMs: number; readonly maxAllowedMs: number; readonly license: string | undefined }
}

/** What the rules look at. */
export interface Judged {
  readonly operation: string
  /** The whole key, for messages. */
  readonly key: string
  /** The key without its tenant. */
  readonly bareKey: string
}

const keptFamilies = 32

/** Looks whether the rules of one namespace are kept, and counts. Fixed memory. */
export class Governor {
  readonly mode: GovernanceMode
  readonly #namespace: string
  readonly #tell: ((event: PolicyViolationEvent) => void) | undefined
  readonly #violations = new Map<GovernanceRule, number>()
  readonly #outcomes: Record<ViolationOutcome, number> = { counted: 0, clamped: 0, 'not-stored': 0, refused: 0 }
  readonly #families = new HeavyHitters(keptFamilies)
  operations = 0
  ttlOverrides = 0
  immortalEntries = 0

  /** `tell` is called with each violation. */
  constructor(namespace: string, mode: GovernanceMode, tell?: (event: PolicyViolationEvent) => void) {
    this.#namespace = namespace
    this.mode = mode
    this.#tell = tell
  }

  get violations(): ViolationCounts {
    return Object.fromEntries(this.#violations)
  }

  get outcomes(): Readonly<Record<ViolationOutcome, number>> {
    return { ...this.#outcomes }
  }

  /** Most frequent first. */
  get offenders(): readonly Offender[] {
    return this.#families.top(keptFamilies).map(({ item, count, error }) => {
      const [rule = '', ...family] = item.split(' ')
      return { namespace: this.#namespace, rule: rule as GovernanceRule, family: family.join(' '), count, error }
    })
  }

  /** Throws where the key breaks a rule that is enforced. */
  judgeKey(judged: Judged, rules: RuleSet): void {
    if (this.mode === 'off') return
    const { bareKey } = judged
    if (bareKey.length > rules.maxKeyLength)
      this.refuse(judged, {
        rule: 'key-too-long',
        detail: `has a key of ${bareKey.length} characters, at most ${rules.maxKeyLength} are allowed`,
      })
    for (const format of rules.keyFormats)
      if (!format.test(bareKey))
        this.refuse(judged, { rule: 'key-format', detail: `has a key that does not look like ${format.source}` })
  }

  /** What is missing of the tags that an entry has to carry. */
  missingTags(tags: readonly string[], { requiredTags }: RuleSet): Breach | undefined {
    if (this.mode === 'off') return undefined
    const missing = requiredTags.filter(({ fits }) => !tags.some((tag) => fits(tag))).map(({ pattern }) => pattern)
    if (missing.length === 0) return undefined
    return { rule: 'tags-missing', detail: `has no tag that fits ${missing.join(', ')}` }
  }

  /** Whether the value is too large. */
  oversize(bytes: number, { maxValueBytes }: RuleSet): Breach | undefined {
    if (this.mode === 'off' || bytes <= maxValueBytes) return undefined
    return { rule: 'value-too-large', detail: `has a value of ${bytes} bytes, at most ${maxValueBytes} are allowed` }
  }

  /** The call fails where the rule is enforced, and goes on as it was asked for otherwise. A cap holds in every mode but `warn`, which cuts. */
  refuse(judged: Judged, breach: Breach): void {
    const isCap = breach.ttl !== undefined && breach.rule !== 'ttl-too-short'
    if (this.mode === 'off' && !isCap) return
    if (this.mode === 'warn') return this.#note(judged, breach, isCap ? 'clamped' : 'counted')
    this.#note(judged, breach, 'refused')
    throw this.#error(judged, breach)
  }

  /** A ttl was moved to its bound. */
  noteClamp(judged: Judged, breach: Breach): void {
    const isAsAsked = breach.rule === 'ttl-too-short' && this.mode !== 'enforce'
    this.#note(judged, breach, isAsAsked ? 'counted' : 'clamped')
  }

  /** Whether a loaded value may be stored in spite of what is wrong with it. */
  mayKeep(judged: Judged, breach: Breach | undefined): boolean {
    if (breach === undefined) return true
    const isKept = this.mode !== 'enforce'
    this.#note(judged, breach, isKept ? 'counted' : 'not-stored')
    return isKept
  }

  #note(judged: Judged, { rule, detail }: Breach, outcome: ViolationOutcome): void {
    this.#violations.set(rule, (this.#violations.get(rule) ?? 0) + 1)
    this.#outcomes[outcome]++
    this.#families.add(`${rule} ${keyFamily(judged.bareKey)}`)
    this.#tell?.({ type: 'policy-violation', namespace: this.#namespace, key: judged.key, rule, outcome, detail })
  }

  #error({ operation, key }: Judged, { rule, detail, ttl }: Breach): Error {
    const namespace = this.#namespace
    const message = `\`${operation}\` of \`${key}\` in namespace \`${namespace}\` ${detail}.`
    const fields = { operation, namespace, key }
    if (ttl?.license === undefined) return new PolicyViolationError(message, rule, fields)
    const { license, requestedMs, maxAllowedMs } = ttl
    return new LicenseViolationError(
      message,
      { licenseSource: license, requestedTtlMs: requestedMs, maxAllowedTtlMs: maxAllowedMs },
      fields,
    )
  }
}
