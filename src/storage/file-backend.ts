import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BkpError } from '../base/errors.ts'
import type { StorageBackend } from './backend.ts'
import { createFileStorage } from './file.ts'

const example = 'file:///backups/graph'

/** `file`: a folder of the controller's file system. */
export const fileBackend: StorageBackend = Object.freeze({
  type: 'file',
  settings: {
    type: 'object',
    properties: {
      path: {
        type: 'string',
        minLength: 1,
        'x-bkp': 'path',
        description: 'A directory; relative to the folder of the inventory when not absolute.',
      },
    },
    required: ['path'],
    additionalProperties: false,
  },
  example,
  fromUrl: (url: URL) => {
    if (url.hostname !== '' && url.hostname !== 'localhost') {
      throw new BkpError('usage.invalid', 'a file storage has no host in its URL', {
        hint: `three slashes begin an absolute path: ${example}`,
      })
    }
    if (url.search !== '' || url.hash !== '') {
      throw new BkpError('usage.invalid', 'a file storage has no options in its URL', {
        hint: `write only the path: ${example}`,
      })
    }
    const local = new URL(url)
    local.hostname = ''
    return createFileStorage({ directory: pathOf(local) })
  },
  fromDefinition: definition => {
    const { path } = definition
    if (typeof path !== 'string' || !isAbsolute(path) || path.includes('\0')) {
      throw new BkpError('usage.invalid', 'a file storage needs an absolute path', {
        hint: 'write { type: file, path: /backups/graph }',
      })
    }
    const unknown = Object.keys(definition).filter(option => option !== 'type' && option !== 'path')
    if (unknown.length > 0) {
      throw new BkpError('usage.invalid', `a file storage has no option "${unknown[0]}"`, {
        hint: 'write { type: file, path: /backups/graph }',
      })
    }
    return createFileStorage({ directory: path })
  },
} satisfies StorageBackend)

function pathOf(url: URL): string {
  try {
    const path = fileURLToPath(url)
    if (!path.includes('\0')) return path
    throw new Error('NUL byte')
  } catch (error) {
    throw new BkpError('usage.invalid', 'the URL of the file storage holds no valid path', {
      cause: error,
      hint: `write the path, for example ${example}`,
    })
  }
}
