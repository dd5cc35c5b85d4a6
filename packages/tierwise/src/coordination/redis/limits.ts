import type { CoordinationStore, LimitAnswer, LimitRule } from '../../contract/coordination.ts'
import type { RedisReply } from '../../clients/redis/port.ts'
import {
  giveBackBucketScript,
  giveBackFixedScript,
  giveBackSlidingScript,
  takeBucketScript,
  takeFixedScript,
  takeSlidingScript,
} from './limit-scripts.ts'
import { leftOf, listOf, numberOf } from './replies.ts'
import type { RunStep } from './server.ts'
import type { StepScript } from './step-script.ts'

type LimitSteps = Pick<CoordinationStore, 'take' | 'giveBack'>

/** How often something may be done. */
export function limitSteps(run: RunStep): LimitSteps {
  return {
    take: async (key, rule, { cost, isPeek = false }) => {
      const { script, numbers } = takingOf(rule)
      const args = [...[...numbers, cost].map(String), isPeek ? 'peek' : 'take']
      return answerOf(await run(script, key, args))
    },
    giveBack: async (key, rule, { units, at }) => {
      const { script, numbers } = givingOf(rule)
      await run(script, key, [...numbers, units, at].map(String))
    },
  }
}

/** A script, and what it takes of the rule. */
interface RuleScript {
  readonly script: StepScript
  readonly numbers: readonly number[]
}

function takingOf(rule: LimitRule): RuleScript {
  if (rule.kind === 'bucket') return { script: takeBucketScript, numbers: [rule.capacity, rule.limit, rule.periodMs] }
  return {
    script: rule.kind === 'fixed-window' ? takeFixedScript : takeSlidingScript,
    numbers: [rule.limit, rule.periodMs],
  }
}

function givingOf(rule: LimitRule): RuleScript {
  switch (rule.kind) {
    case 'bucket':
      return { script: giveBackBucketScript, numbers: [rule.limit, rule.periodMs] }
    case 'fixed-window':
      return { script: giveBackFixedScript, numbers: [rule.periodMs] }
    case 'sliding-window':
      return { script: giveBackSlidingScript, numbers: [] }
  }
}

function answerOf(reply: RedisReply): LimitAnswer {
  const [allowed, remaining, retry, reset, at] = listOf(reply)
  return {
    allowed: numberOf(allowed) === 1,
    remaining: numberOf(remaining),
    retryAfterMs: leftOf(retry),
    resetAfterMs: numberOf(reset),
    at: numberOf(at),
  }
}
