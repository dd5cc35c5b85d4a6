/** A command that a cache never needs and that harms others, with the categories Redis has it in. */
interface DangerousCommand {
  readonly name: string
  readonly categories: readonly string[]
}

const admin = ['admin', 'slow', 'dangerous']

const dangerousCommands: readonly DangerousCommand[] = [
  { name: 'flushall', categories: ['keyspace', 'write', 'slow', 'dangerous'] },
  { name: 'flushdb', categories: ['keyspace', 'write', 'slow', 'dangerous'] },
  { name: 'config|set', categories: admin },
  { name: 'acl|setuser', categories: admin },
  { name: 'debug', categories: admin },
  { name: 'shutdown', categories: admin },
  { name: 'replicaof', categories: admin },
  { name: 'module|load', categories: admin },
  { name: 'monitor', categories: admin },
]

/**
 * Which dangerous commands the rules of a user allow, as `ACL GETUSER` states them: `+@all -@dangerous +info`. Rules
 * apply from left to right; a user without rules may do nothing.
 */
export function dangerousCommandsOf(rules: string): readonly string[] {
  const words = rules.split(/\s+/).filter((word) => word !== '')
  return dangerousCommands.filter((command) => isAllowed(command, words)).map(({ name }) => name)
}

function isAllowed(command: DangerousCommand, words: readonly string[]): boolean {
  return words.reduce((allowed, word) => {
    const verdict = word === 'allcommands' ? true : word === 'nocommands' ? false : verdictOf(word, command)
    return verdict ?? allowed
  }, false)
}

/** What one rule says of a command; undefined when it is about others. */
function verdictOf(word: string, { name, categories }: DangerousCommand): boolean | undefined {
  const sign = word[0]
  if (sign !== '+' && sign !== '-') return undefined
  const subject = word.slice(1).toLowerCase()
  const isMeant = subject.startsWith('@')
    ? subject === '@all' || categories.includes(subject.slice(1))
    : subject === name || subject === name.split('|')[0]
  return isMeant ? sign === '+' : undefined
}
