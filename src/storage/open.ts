import { BkpError } from '../base/errors.ts'
import { didYouMean } from '../base/text.ts'
import type { StorageBackend, StorageDefinition } from './backend.ts'
import type { Storage } from './contract.ts'
import { fileBackend } from './file-backend.ts'
import { hdfsBackend } from './hdfs/backend.ts'
import { ossBackend } from './oss/backend.ts'
import { s3Backend } from './s3/backend.ts'

export type { StorageDefinition } from './backend.ts'

/** Every backend there is; a new one is one file and one line here. */
export const storageBackends: readonly StorageBackend[] = Object.freeze([
  fileBackend,
  s3Backend,
  ossBackend,
  hdfsBackend,
])

/**
 * A storage from an inventory's definition or from URL text. Opens no connection.
 * @throws usage.invalid for an unknown type or scheme, a malformed URL, credentials in a URL
 */
export function openStorage(place: StorageDefinition | string): Storage {
  if (typeof place !== 'string') {
    return backendFor(place.type, `storage type "${place.type}"`).fromDefinition(place)
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(place)?.[1]?.toLowerCase()
  if (scheme === undefined) {
    throw new BkpError('usage.invalid', 'a storage is a name from the inventory or a URL', {
      hint: `write a URL such as ${storageBackends.map(({ example }) => example).join(', ')}, or give the inventory with -i`,
    })
  }
  const backend = backendFor(scheme, `the scheme "${scheme}"`)
  const url = parseUrl(place, backend)
  // Credentials would end up in shell histories and process lists; never echoed either.
  if (url.username !== '' || url.password !== '') {
    throw new BkpError('usage.invalid', `a ${scheme} storage URL may not hold credentials`, {
      hint: 'put them under `credentials` of a storage in the inventory, as env, file or command',
    })
  }
  return backend.fromUrl(url)
}

/** True for text that is meant as a URL rather than as a name from the inventory. */
export function isStorageUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
}

function parseUrl(text: string, backend: StorageBackend): URL {
  try {
    return new URL(text)
  } catch {
    // The cause would quote the text, which may hold a password.
    throw new BkpError('usage.invalid', `the ${backend.type} storage URL is not understood`, {
      hint: `write it like ${backend.example}`,
    })
  }
}

function backendFor(type: string, what: string): StorageBackend {
  const backend = storageBackends.find(candidate => candidate.type === type)
  if (backend !== undefined) return backend
  const known = storageBackends.map(candidate => candidate.type)
  const suggestion = didYouMean(type, known)
  throw new BkpError('usage.invalid', `${what} is not known; known are: ${known.join(', ')}`, {
    hint: suggestion ?? `write a URL such as ${fileBackend.example}`,
  })
}
