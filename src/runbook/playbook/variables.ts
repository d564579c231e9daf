import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import type { Variables } from '../../expression/contract.ts'
import { confinedPath } from '../confine.ts'
import { readVariables } from '../inventory/variables.ts'
import { parseYaml } from '../yaml/yaml-document.ts'
import { type Entry, fault, type PlaybookContext } from './context.ts'
import { checkVariableName } from './names.ts'

/** `vars` of a play, block or task. */
export function variablesAt(context: PlaybookContext, entry: Entry): Variables {
  const value = entry.value['vars']
  if (!isRecord(value)) return new Map()
  const path = [...entry.path, 'vars']
  for (const name of Object.keys(value)) checkVariableName(context, name, [...path, name], 'key')
  return readVariables(context.document, value, path, context)
}

/**
 * `vars_files` of a play, each file's by itself: static paths below the playbook's folder; they beat
 * `vars`.
 */
export function variableFilesAt(context: PlaybookContext, entry: Entry): readonly Variables[] {
  const value = entry.value['vars_files']
  const path = [...entry.path, 'vars_files']
  const names = typeof value === 'string' ? [value] : Array.isArray(value) ? value : []
  return names.map((name, index) => {
    const at = typeof value === 'string' ? path : [...path, index]
    return typeof name === 'string' ? readVariableFile(context, name, at) : new Map()
  })
}

function readVariableFile(
  context: PlaybookContext,
  name: string,
  path: readonly (string | number)[],
): Variables {
  const { document, files } = context
  if (name.includes('{{')) {
    fault(context, 'the name of a file of variables cannot be computed', path, {
      hint: 'write the path, or give the file with -e @FILE',
    })
    return new Map()
  }
  try {
    const file = confinedPath(document.file, name, files, document.place(path))
    const inner = parseYaml(file, files.read(file), 'inventory', context.secrets)
    context.documents.push({ path: file, text: inner.text })
    context.warnings.push(...inner.warnings)
    return readVariables(inner, inner.value, [], context)
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    // Beside other faults of the playbook a missing include is one of them, not a usage error.
    if (error.code !== 'usage.file_missing') context.faults.take(error)
    else fault(context, error.message, path, error.hint === undefined ? {} : { hint: error.hint })
    return new Map()
  }
}
