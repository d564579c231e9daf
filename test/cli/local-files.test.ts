import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { localFiles } from '../../src/cli/local-files.ts'

let top = ''
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'bkp-local-'))
})
afterEach(() => rmSync(top, { recursive: true, force: true }))

function put(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(top, path)), { recursive: true })
    writeFileSync(join(top, path), path)
  }
}

/** Where a step of a role finds a file. */
async function found(path: string, folder?: string): Promise<string | undefined> {
  const searchPath = ['roles/r', 'roles/r/tasks', ''].map(each => join(top, each))
  const request = folder === undefined ? { path } : { path, folder, confined: true }
  const [file] = await localFiles(top).localFiles([request], searchPath)
  return file?.place
}

describe('files on the search path of a step', () => {
  test('the role goes before the playbook, its folder of files before all of it', async () => {
    put('x')
    expect(await found('x')).toBe('x')
    put('files/x')
    expect(await found('x')).toBe('files/x')
    put('roles/r/x')
    expect(await found('x')).toBe('roles/r/x')
    put('roles/r/files/x')
    expect(await found('x')).toBe('roles/r/files/x')
  })

  test('templates are in a folder of their own', async () => {
    put('roles/r/files/x', 'templates/x')
    expect(await found('x', 'templates')).toBe('templates/x')
    put('roles/r/tasks/templates/x')
    expect(await found('x', 'templates')).toBe('roles/r/tasks/templates/x')
  })

  test('a file that is nowhere is told with the places that were looked at', async () => {
    await expect(found('none', 'templates')).rejects.toMatchObject({
      code: 'file.unreadable',
      message: `${join(top, 'roles/r/templates/none')} or ${join(top, 'roles/r/none')} or ${join(
        top,
        'roles/r/tasks/templates/none',
      )} or ${join(top, 'roles/r/tasks/none')} or ${join(top, 'templates/none')} or ${join(
        top,
        'none',
      )} on this machine cannot be read`,
    })
  })
})
