import { escapeControls } from '../base/text.ts'
import { readLimits } from './geometry.ts'

const slash = 0x2f
const dot = 0x2e

/** Root and relative path as one logical path; an empty relative path is the root itself. */
export function joinPath(root: Uint8Array, relative: Uint8Array): Uint8Array {
  if (relative.length === 0) return root
  const separator = root.length === 1 && root[0] === slash ? [] : [slash]
  return Buffer.concat([root, Uint8Array.from(separator), relative])
}

/** Whether a path is its root or lies below it. */
export function isBelow(path: Uint8Array, root: Uint8Array): boolean {
  if (path.length < root.length || Buffer.compare(path.subarray(0, root.length), root) !== 0) {
    return false
  }
  if (path.length === root.length) return true
  return (root.length === 1 && root[0] === slash) || path[root.length] === slash
}

/** The part of a path below its root; empty for the root itself. */
export function relativeTo(path: Uint8Array, root: Uint8Array): Uint8Array {
  if (path.length === root.length) return new Uint8Array()
  const rootIsSlash = root.length === 1 && root[0] === slash
  return path.subarray(rootIsSlash ? 1 : root.length + 1)
}

/**
 * Why bytes are not a logical path, or nothing when they are: absolute or relative, components
 * single (none empty, `.`, `..` or with NUL), bounded. `/` alone is one.
 */
export function pathFault(path: Uint8Array): string | undefined {
  if (path.length === 0) return 'is empty'
  if (path.length > readLimits.pathBytes) return `is longer than ${readLimits.pathBytes} bytes`
  if (path.includes(0)) return 'holds a NUL byte'
  if (path.length === 1 && path[0] === slash) return undefined
  let start = path[0] === slash ? 1 : 0
  while (start <= path.length) {
    const next = path.indexOf(slash, start)
    const end = next < 0 ? path.length : next
    const fault = componentFault(path, start, end)
    if (fault !== undefined) return fault
    start = end + 1
  }
  return undefined
}

function componentFault(path: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start
  if (length === 0) return 'has an empty component'
  if (length === 1 && path[start] === dot) return 'has a component "."'
  if (length === 2 && path[start] === dot && path[start + 1] === dot) return 'has a component ".."'
  if (length > readLimits.componentBytes) {
    return `has a component longer than ${readLimits.componentBytes} bytes`
  }
  return undefined
}

/** A path for people: control characters made visible, bytes that are no text replaced. */
export function showPath(path: Uint8Array): string {
  return escapeControls(Buffer.from(path).toString('utf8'), { newlines: false })
}

/** A file of a host for people. The host may come from a manifest, hence be anything. */
export function showFile(file: { readonly host: string; readonly path: Uint8Array }): string {
  return `${escapeControls(file.host.slice(0, 255), { newlines: false })}:${showPath(file.path)}`
}

/** The path as text, or nothing where its bytes are not UTF-8. */
export function pathText(path: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(path)
  } catch {
    return undefined
  }
}
