import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './command.mjs'

/**
 * Writes the reference page of the command line from the definition that the built program parses with; with `--check`
 * it only says whether the page is out of date.
 *
 * @typedef {import('../packages/cli/src/taught-command.ts').TaughtCommand} TaughtCommand
 */

const path = join(root, 'docs/reference/command-line.md')

const unused = () => {
  throw new Error('A definition is read, nothing is run')
}
const built = await import(pathToFileURL(join(root, 'packages/cli/dist/program.js')).href)
/** @type {TaughtCommand} */
const program = built.createProgram({ terminal: { print: unused, note: unused, width: 100 } }, unused)

/** Commands that do something, in the order of the help. @param {TaughtCommand} command @returns {TaughtCommand[]} */
function leaves(command) {
  const children = /** @type {TaughtCommand[]} */ ([...command.commands])
  return children.length === 0 ? [command] : children.flatMap(leaves)
}

/** @param {TaughtCommand} command @returns {string} */
function nameOf(command) {
  return command.parent === null
    ? command.name()
    : `${nameOf(/** @type {TaughtCommand} */ (command.parent))} ${command.name()}`
}

/** @param {TaughtCommand} command */
function section(command) {
  const parts = [
    `## \`${nameOf(command)}\``,
    command.description(),
    `\`\`\`\n${nameOf(command)} ${command.usage()}\n\`\`\``,
    table(
      ['argument', ''],
      command.registeredArguments.map((each) => [`\`[${each.name()}]\``, each.description]),
    ),
    table(
      ['option', 'default', ''],
      command.options.map((option) => [`\`${option.flags}\``, defaultOf(option), meaningOf(option)]),
    ),
    table(
      ['exit code', ''],
      command.outcomes.map((text, code) => [String(code), text]),
    ),
    examples(command),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** @param {TaughtCommand['options'][number]} option */
function defaultOf({ defaultValue, defaultValueDescription }) {
  return defaultValue === undefined ? '' : `\`${defaultValueDescription ?? String(defaultValue)}\``
}

/** @param {TaughtCommand['options'][number]} option */
function meaningOf({ description, argChoices }) {
  return argChoices === undefined
    ? description
    : `${description}: ${argChoices.map((each) => `\`${each}\``).join(', ')}`
}

/** @param {TaughtCommand} command */
function examples(command) {
  const lines = command.examples.flatMap(({ line, does }) => [`# ${does}`, line])
  return `\`\`\`sh\n${lines.join('\n')}\n\`\`\``
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
function table(head, rows) {
  if (rows.length === 0) return ''
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}

const page = `${[
  '# The command line',
  `${program.description()} The [guide](../guide/command-line.md) says when to use what.`,
  'Every command: answers go to stdout, everything else to stderr; `--json` makes the answer JSON, `--verbose` shows where an error comes from. `NO_COLOR` switches colours off. Exit code 2 is wrong usage, 3 that it could not be done, 130 that it was interrupted.',
  ...leaves(program).map(section),
].join(
  '\n\n',
)}\n\n---\nWritten by \`node scripts/command-line-reference.mjs\` from the definition of the program; change that.\n`

if (existsSync(path) && readFileSync(path, 'utf8') === page) process.exitCode = 0
else if (process.argv.includes('--check')) {
  console.error(
    'Out of date: docs/reference/command-line.md. Run `node scripts/command-line-reference.mjs` and read what changed.',
  )
  process.exitCode = 1
} else writeFileSync(path, page)
