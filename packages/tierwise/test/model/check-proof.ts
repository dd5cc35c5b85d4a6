import { describe, expect, it } from 'vitest'
import type { Exploration, Flaw } from './explorer.ts'
import type { Proof } from './proof.ts'

const isDeep = process.env['MODEL_DEEP'] === '1'
const showsTraces = process.env['MODEL_TRACE'] === '1'
const LIMIT_MS = isDeep ? 600_000 : 120_000

/** Registers the tests of one part of the protocol. `MODEL_TRACE=1` prints how each weakening goes wrong. */
export function checkProof<R extends object>(proof: Proof<R>): void {
  describe(proof.name, () => {
    for (const scenario of proof.scenarios.filter(({ deep }) => isDeep || !deep))
      it(`keeps its promise: ${scenario.name}`, { timeout: LIMIT_MS }, () => {
        const explored = scenario.explore(proof.rules)
        report(scenario.name, explored)
        expect(explored.flaw && describeFlaw(explored.flaw)).toBeUndefined()
        expect(explored.rests).toBeGreaterThan(0)
      })

    for (const weakening of proof.weakenings)
      it(`breaks it: ${weakening.name}`, { timeout: LIMIT_MS }, () => {
        const scenario = proof.scenarios.find(({ name }) => name === weakening.scenario)
        if (!scenario) throw new Error(`no scenario is named ${weakening.scenario}`)
        const explored = scenario.explore({ ...proof.rules, ...weakening.rules })
        report(`${weakening.name}, ${scenario.name}`, explored)
        expect(explored.flaw, 'no promise was broken').toBeDefined()
      })
  })
}

function describeFlaw({ promise, trace }: Flaw): string {
  return [promise, ...trace.map((step, at) => `${String(at + 1).padStart(3)}  ${step}`)].join('\n')
}

function report(what: string, { states, flaw }: Exploration): void {
  if (showsTraces) console.log(`${what}: ${states} states${flaw ? `, ${describeFlaw(flaw)}` : ''}`)
}
