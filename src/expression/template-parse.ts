import Handlebars from 'handlebars'
import { BkpError } from '../base/errors.ts'
import { didYouMean } from '../base/text.ts'
import { parseFault, templateError } from './template-faults.ts'
import { blockHelpers, helpers } from './template-helpers.ts'
import type {
  BlockNode,
  CallNode,
  MustacheNode,
  ParameterNode,
  ProgramNode,
  Span,
  StatementNode,
  TemplateFile,
} from './template-tree.ts'

/** Largest template, in UTF-16 units. */
const longestTemplate = 256 * 1024
/** Blocks within blocks, or calls within calls: the parser's time grows with the square of it. */
const deepest = 100

/**
 * Parses a Handlebars file and checks what it calls: only the helpers there are, no partials, no
 * decorators. No code is made of it: `renderTemplateFile` walks the tree.
 * @throws expression.invalid at its place
 */
export function parseTemplateFile(file: string, bytes: Uint8Array): TemplateFile {
  const text = decode(file, bytes)
  if (text.length > longestTemplate) {
    throw new BkpError('expression.invalid', `${file} is larger than a template may be: 256 KiB`, {
      hint: 'copy sends files of any content as they are',
    })
  }
  if (depthOf(text) > deepest) throw parseFault({ file, text }, new RangeError('too deep'))
  let program: ProgramNode
  try {
    // The parser's own types do not say what of a node may be missing.
    program = Handlebars.parse(text) as unknown as ProgramNode
  } catch (thrown) {
    throw parseFault({ file, text }, thrown)
  }
  const template = Object.freeze({ file, text, program })
  checkProgram(template, program)
  return template
}

/** How deep blocks, or the calls in one `{{ }}`, are nested at most; told without parsing. */
function depthOf(text: string): number {
  let most = 0
  let depth = 0
  for (const [, mark, body = ''] of text.matchAll(/\{\{~?([#^/]?)([^{}]*)/g)) {
    if (mark === '/') depth -= 1
    else if (mark !== '' && body !== '') depth += 1
    most = Math.max(most, depth, body.split('(').length - 1)
  }
  return most
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new BkpError('expression.invalid', `${file} is not UTF-8: a template is text`, {
      hint: 'copy sends files of any content as they are',
      cause,
    })
  }
}

function checkProgram(template: TemplateFile, program: ProgramNode | undefined): void {
  for (const statement of program?.body ?? []) checkStatement(template, statement)
}

function checkStatement(template: TemplateFile, statement: StatementNode): void {
  switch (statement.type) {
    case 'ContentStatement':
    case 'CommentStatement':
      return
    case 'MustacheStatement':
      if (isCall(statement)) checkCall(template, statement)
      return
    case 'BlockStatement':
      checkBlock(template, statement)
      return
    default: {
      const { loc } = statement as { readonly loc: Span }
      throw invalid(template, loc, 'a template cannot take in others: there are no partials', {
        hint: 'write the text here, or take a step for each file',
      })
    }
  }
}

/** True for `{{ helper value }}`, false for `{{ name }}`. */
export function isCall(node: MustacheNode): boolean {
  return node.params.length > 0 || node.hash !== undefined || node.path.type === 'SubExpression'
}

function invalid(
  template: TemplateFile,
  loc: Span,
  message: string,
  { hint }: { readonly hint?: string | undefined } = {},
): BkpError {
  return templateError(template, loc, { code: 'expression.invalid', message, hint })
}

/** The name that a call begins with. @throws expression.invalid when it is no plain name */
function nameOf(template: TemplateFile, node: MustacheNode | BlockNode | CallNode): string {
  const { path } = node
  const isName = path.type === 'PathExpression' && path.parts.length === 1 && path.depth === 0
  if (isName && !path.data) return path.parts[0] ?? ''
  throw invalid(template, node.loc, 'this does not begin with the name of a helper')
}

function checkCall(template: TemplateFile, node: MustacheNode | CallNode): void {
  const name = nameOf(template, node)
  const helper = helpers.get(name)
  if (helper === undefined) {
    const message = blockHelpers.has(name)
      ? `"${name}" begins a block: {{#${name}}}`
      : `there is no helper "${name}"`
    const known = [...helpers.keys()]
    const hint = didYouMean(name, known) ?? `there are: ${known.join(', ')}`
    throw invalid(template, node.loc, message, { hint })
  }
  const count = node.params.length
  if (count < helper.least || count > helper.most) {
    const wanted =
      helper.least === helper.most ? `${helper.least}` : `${helper.least} to ${helper.most}`
    throw invalid(template, node.loc, `${name} takes ${wanted} values, not ${count}`)
  }
  refuseHash(template, node, [])
  checkParameters(template, node.params)
}

function checkParameters(template: TemplateFile, params: readonly ParameterNode[]): void {
  for (const param of params) if (param.type === 'SubExpression') checkCall(template, param)
}

function refuseHash(
  template: TemplateFile,
  node: MustacheNode | BlockNode | CallNode,
  known: readonly string[],
): void {
  const wrong = node.hash?.pairs.find(({ key }) => !known.includes(key))
  if (wrong === undefined) return
  throw invalid(template, wrong.loc, `"${wrong.key}=" means nothing here`)
}

function checkBlock(template: TemplateFile, node: BlockNode): void {
  const { path } = node
  const name = path.type === 'PathExpression' ? path.original : ''
  if (!blockHelpers.has(name)) {
    throw invalid(template, node.loc, `there is no block "${name}"`, {
      hint:
        didYouMean(name, blockHelpers) ?? 'write {{#if name}}, {{#each name}} or {{#with name}}',
    })
  }
  if (node.params.length !== 1) {
    throw invalid(template, node.loc, `#${name} takes one value, not ${node.params.length}`)
  }
  refuseHash(template, node, name === 'if' || name === 'unless' ? ['includeZero'] : [])
  checkParameters(template, node.params)
  checkProgram(template, node.program)
  checkProgram(template, node.inverse)
}
