import { extname, join } from 'node:path'
import { BkpError } from '../../base/errors.ts'
import type { Variables } from '../../expression/contract.ts'
import type { SourceDocument } from '../contract.ts'
import type { FileAccess } from '../file-access.ts'
import { parseYaml, type YamlDocument } from '../yaml/yaml-document.ts'
import { mergeVariables, type ReadContext, readVariables } from './variables.ts'

/** Ansible's order: a name without extension first, which is how directories come before files. */
const extensions = ['', '.yml', '.yaml', '.json']

/** Deepest folder below `group_vars/NAME/`. */
const deepest = 16

/** What reading vars files needs and fills. */
export interface VarsFilesContext extends ReadContext {
  readonly files: FileAccess
  readonly documents: SourceDocument[]
}

/** Reads `group_vars/` and `host_vars/` of one folder; each name once. */
export interface VarsFolder {
  of(section: 'group_vars' | 'host_vars', name: string): Variables
  /** The same, file by file. */
  layersOf(section: 'group_vars' | 'host_vars', name: string): readonly Variables[]
}

/** Files of `section/NAME`: the first that exists of NAME, .yml, .yaml, .json; a folder's sorted. */
function filesFor(files: FileAccess, base: string): readonly string[] {
  for (const extension of extensions) {
    const path = base + extension
    const kind = files.kind(path)
    if (kind === 'file') return [path]
    if (kind === 'directory') return folderFiles(files, path, 0)
  }
  return []
}

function folderFiles(files: FileAccess, folder: string, depth: number): readonly string[] {
  if (depth > deepest) return []
  return files.list(folder).flatMap(name => {
    if (name.startsWith('.') || name.endsWith('~')) return []
    const path = join(folder, name)
    if (files.kind(path) === 'directory') {
      // As Ansible: a folder whose name has an extension is none of its own.
      return extname(name) === '' ? folderFiles(files, path, depth + 1) : []
    }
    return extensions.includes(extname(name)) ? [path] : []
  })
}

/** A document of the inventory, recorded; undefined after a fault. */
export function openDocument(path: string, context: VarsFilesContext): YamlDocument | undefined {
  const bytes = context.files.read(path)
  try {
    const document = parseYaml(path, bytes, 'inventory', context.secrets)
    context.documents.push({ path, text: document.text })
    context.warnings.push(...document.warnings)
    return document
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    context.faults.take(error)
    return undefined
  }
}

/** A folder whose vars files are read when a group or host first asks for them. */
export function createVarsFolder(folder: string, context: VarsFilesContext): VarsFolder {
  const present = new Map<string, boolean>()
  const read = new Map<string, readonly Variables[]>()
  const cache = new Map<string, Variables>()
  const isPresent = (section: string): boolean => {
    const known = present.get(section)
    if (known !== undefined) return known
    const found = context.files.kind(join(folder, section)) === 'directory'
    present.set(section, found)
    return found
  }
  const layersOf = (section: 'group_vars' | 'host_vars', name: string): readonly Variables[] => {
    if (!isPresent(section)) return []
    const base = join(folder, section, name)
    const known = read.get(base)
    if (known !== undefined) return known
    const layers = filesFor(context.files, base).map(path => {
      const document = openDocument(path, context)
      if (document === undefined) return new Map()
      return readVariables(document, document.value, [], context)
    })
    // Runs need what they come to alone.
    if (context.origins !== undefined) read.set(base, layers)
    return layers
  }
  return Object.freeze({
    of: (section: 'group_vars' | 'host_vars', name: string) => {
      if (!isPresent(section)) return new Map()
      const base = join(folder, section, name)
      const known = cache.get(base)
      if (known !== undefined) return known
      const merged = mergeVariables(layersOf(section, name))
      cache.set(base, merged)
      return merged
    },
    layersOf,
  })
}
