import type { Draft, DraftNode } from './draft.ts'

export type DraftFormat = 'yaml' | 'ts' | 'json'

/** The text of the file. JSON has no comments. */
export function renderDraft({ head, nodes }: Draft, format: DraftFormat): string {
  if (format === 'json') return `${JSON.stringify(plain(nodes), undefined, 2)}\n`
  if (format === 'yaml') return `${comment(head, '#', '')}${yaml(nodes, '')}`
  const body = code(nodes, '  ').replace(/^\n/, '')
  return `import { defineConfig } from 'tierwise/config'\n\n${comment(head, '//', '')}export default defineConfig({\n${body}})\n`
}

/** `false` is the only word that is not a text. */
function scalarOf(value: string | number): string | number | boolean {
  return value === 'false' ? false : value
}

function plain(nodes: readonly DraftNode[]): object {
  return Object.fromEntries(
    nodes.map(({ key, value }) => [key, typeof value === 'object' ? plain(value) : scalarOf(value)]),
  )
}

function yaml(nodes: readonly DraftNode[], indent: string): string {
  return nodes
    .map(({ key, comment: lines = [], value }) => {
      const rest = typeof value === 'object' ? `\n${yaml(value, `${indent}  `)}` : ` ${yamlScalar(value)}\n`
      return `${gap(indent)}${comment(lines, '#', indent)}${indent}${key}:${rest}`
    })
    .join('')
}

/** Texts that YAML could read as something else are quoted. */
function yamlScalar(value: string | number): string {
  const scalar = scalarOf(value)
  return typeof scalar === 'string' && !/^[A-Za-z.\d][\w./-]*$/.test(scalar) ? JSON.stringify(scalar) : String(scalar)
}

function code(nodes: readonly DraftNode[], indent: string): string {
  return nodes
    .map(({ key, comment: lines = [], value }) => {
      const rest =
        typeof value === 'object' ? `{\n${code(value, `${indent}  `)}${indent}},\n` : `${codeScalar(value)},\n`
      return `${gap(indent.slice(2))}${comment(lines, '//', indent)}${indent}${key}: ${rest}`
    })
    .join('')
}

function codeScalar(value: string | number): string {
  const scalar = scalarOf(value)
  return typeof scalar === 'string' ? `'${scalar.replaceAll("'", "\\'")}'` : String(scalar)
}

/** An empty line before each part of the first level. */
function gap(indent: string): string {
  return indent === '' ? '\n' : ''
}

function comment(lines: readonly string[], mark: string, indent: string): string {
  return lines.map((line) => `${indent}${mark} ${line}\n`).join('')
}
