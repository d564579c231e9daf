import type { ClusterKind } from '../contract.ts'

const path = {
  anyOf: [
    { type: 'string', pattern: '^/', description: 'An absolute path on the host.' },
    {
      type: 'object',
      properties: {
        path: {
          type: 'string',
          pattern: '^/',
          description: 'Where the files are now: an absolute path on the host.',
        },
        as: {
          type: 'string',
          minLength: 1,
          description: 'The name that stays the same from backup to backup.',
        },
      },
      required: ['path'],
      additionalProperties: false,
    },
  ],
}
const paths = { type: 'array', items: path, minItems: 1 }

const source = {
  anyOf: [
    { type: 'string', minLength: 1, description: 'A storage of the inventory, or a URL of one.' },
    {
      type: 'object',
      properties: {
        storage: {
          type: 'string',
          minLength: 1,
          description: 'A storage of the inventory, or a URL of one.',
        },
        prefix: { type: 'string', minLength: 1, description: 'Only what lies below it.' },
        as: {
          type: 'string',
          minLength: 1,
          description: 'The name that stays the same from backup to backup.',
        },
      },
      required: ['storage'],
      additionalProperties: false,
    },
  ],
}

/**
 * Plain files on hosts, and objects of storages. Settings: `paths`, a list of absolute paths or
 * `{ path, as }`, or a map from host patterns to such lists; `identity`, by which a file is taken for
 * unchanged; `sources`, storages by name or URL, or `{ storage, prefix, as }`.
 */
export const filesKind: ClusterKind = Object.freeze({
  kind: 'files',
  summary: 'Directories and files on hosts, and objects of storages, without a database.',
  defaultRole: 'hosts',
  settings: {
    type: 'object',
    properties: {
      paths: {
        anyOf: [
          paths,
          { type: 'object', additionalProperties: paths, minProperties: 1, 'x-bkp': 'by_host' },
        ],
        description: 'What is backed up: paths, or a map from host patterns to paths.',
      },
      sources: {
        type: 'array',
        items: source,
        minItems: 1,
        description: 'Storages whose objects are backed up: names, URLs, { storage, prefix, as }.',
      },
      identity: {
        enum: ['ctime', 'inode'],
        description:
          'What shows that a file is unchanged, besides path, size, mtime and inode: ctime, too (the default); inode leaves ctime out, for immutable files under hard links.',
      },
    },
    additionalProperties: false,
  },
})
