import { link, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'

/** What the `file` backend uses of the file system: a parameter, so that tests can break it. */
export const nodeFileSystem = Object.freeze({ link, mkdir, open, readdir, rename, stat, unlink })
export type FileSystem = typeof nodeFileSystem
