import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'vite'
import { root } from './command.mjs'

/**
 * Reads what the reference pages show out of TypeScript sources: exported interfaces, type aliases, classes and
 * functions with their doc comments. Whatever it does not understand is an error, so that no member gets lost.
 *
 * @typedef {{ text: string, default: string | undefined, throws: readonly string[], examples: readonly string[] }} Doc
 * @typedef {{ name: string, signature: string, type: string, optional: boolean, doc: Doc, members: readonly Member[] }} Member a member of a union may be an object with members of its own
 * @typedef {{ name: string, kind: 'interface' | 'type' | 'class' | 'function', type: string, bases: readonly string[], members: readonly Member[], doc: Doc }} Declaration
 *
 * A node of the syntax tree, of which only these parts are looked at.
 * @typedef {{ type: string, start: number, end: number, [part: string]: any }} Node
 */

/** @typedef {{ path: string, text: string, comments: ReadonlyMap<number, string> }} Source */

/** @param {string} path from the root of the repository @returns {ReadonlyMap<string, Declaration>} */
export function readDeclarations(path) {
  const text = readFileSync(join(root, path), 'utf8')
  const { program, comments, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`)
  const docs = comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*'))
  const source = { path, text, comments: new Map(docs.map(({ value, end }) => [end, value])) }
  /** @type {Map<string, Declaration>} */
  const declarations = new Map()
  for (const statement of /** @type {Node[]} */ (program.body)) {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement['declaration'] : undefined
    const declaration = declared && readDeclaration(source, declared, docBefore(source, statement))
    if (declaration) declarations.set(declaration.name, declaration)
  }
  return declarations
}

/** @param {Source} source @param {Node} node @param {Doc} doc @returns {Declaration | undefined} */
function readDeclaration(source, node, doc) {
  const slice = (/** @type {Node} */ part) => squeeze(source.text.slice(part.start, part.end))
  const name = node['id']?.name
  switch (node.type) {
    case 'TSInterfaceDeclaration': {
      const members = node['body'].body.map((/** @type {Node} */ member) => readMember(source, member))
      return { name, kind: 'interface', type: name, bases: node['extends'].map(slice), members, doc }
    }
    case 'TSTypeAliasDeclaration': {
      const members = unionMembers(node['typeAnnotation']).map((part) => readUnionMember(source, part))
      return { name, kind: 'type', type: slice(node['typeAnnotation']), bases: [], members, doc }
    }
    case 'ClassDeclaration':
      return {
        name,
        kind: 'class',
        type: name,
        bases: node['superClass'] ? [slice(node['superClass'])] : [],
        members: [],
        doc,
      }
    case 'FunctionDeclaration': {
      const head = { ...node, end: node['body'].start }
      return { name, kind: 'function', type: slice(head).replace(/^async /, ''), bases: [], members: [], doc }
    }
    case 'VariableDeclaration':
      return undefined
    default:
      throw new Error(`${at(source, node)}: an exported ${node.type} has no place in the reference`)
  }
}

/** @param {Source} source @param {Node} node @returns {Member} */
function readMember(source, node) {
  const isMethod = node.type === 'TSMethodSignature'
  if (!isMethod && node.type !== 'TSPropertySignature')
    throw new Error(`${at(source, node)}: ${node.type} is not understood`)
  const annotation = /** @type {Node | undefined} */ (isMethod ? node['returnType'] : node['typeAnnotation'])
  if (annotation === undefined || node['computed'])
    throw new Error(`${at(source, node)}: a member needs a name and a type`)
  const type = source.text.slice(annotation['typeAnnotation'].start, annotation.end)
  return {
    name: node['key'].name ?? node['key'].value,
    signature: squeeze(source.text.slice(node.start, node.end)).replace(/^readonly /, ''),
    type: squeeze(type),
    optional: node['optional'] === true,
    doc: docBefore(source, node),
    members: [],
  }
}

/** @param {Node} node @returns {Node[]} */
function unionMembers(node) {
  return node.type === 'TSUnionType' ? node['types'] : []
}

/** @param {Source} source @param {Node} node @returns {Member} */
function readUnionMember(source, node) {
  const type = squeeze(source.text.slice(node.start, node.end))
  const name = node.type === 'TSLiteralType' ? String(node['literal'].value) : type
  const parts = node.type === 'TSTypeLiteral' ? /** @type {Node[]} */ (node['members']) : []
  const members = parts.map((part) => readMember(source, part))
  return { name, signature: type, type, optional: false, doc: docBefore(source, node), members }
}

/** The doc comment that ends right before a node; a `|` of a union may stand between. @param {Source} source @param {Node} node @returns {Doc} */
function docBefore(source, node) {
  const before = source.text.slice(0, node.start).replace(/[\s|]+$/, '')
  return parseDoc(source.comments.get(before.length) ?? '', at(source, node))
}

const tags = ['default', 'throws', 'example']

/** @param {string} comment @param {string} where @returns {Doc} */
function parseDoc(comment, where) {
  const lines = comment
    .replace(/^\*/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
  const [text = '', ...rest] = lines
    .join('\n')
    .trim()
    .split(/(?:^|\s)@(?=[a-z]+\b)/)
  /** @type {Record<string, string[]>} */
  const found = { default: [], throws: [], example: [] }
  for (const part of rest) {
    const [, tag = '', content = ''] = /^([a-z]+)\s*([^]*)$/.exec(part) ?? []
    if (!tags.includes(tag)) throw new Error(`${where}: the tag @${tag} is not understood`)
    found[tag]?.push(content.trim())
  }
  const paragraphs = text
    .split(/\n\s*\n/)
    .map(squeeze)
    .filter((paragraph) => paragraph !== '')
  const throws = (found['throws'] ?? []).map(squeeze)
  return { text: paragraphs.join('\n\n'), default: found['default']?.[0], throws, examples: found['example'] ?? [] }
}

/** @param {Source} source @param {Node} node */
function at(source, node) {
  return `${source.path}:${source.text.slice(0, node.start).split('\n').length}`
}

/** @param {string} text */
function squeeze(text) {
  return text.trim().replaceAll(/\s+/g, ' ')
}
