/** What stands before the name of a storage where a manifest names a host. */
const mark = 'storage:'

/**
 * What a storage is called among the hosts of a backup: `storage:` and its name in the inventory, or
 * what its URL says without its options. No host of an inventory is called so: a colon parts hosts.
 */
export function storageHost(name: string): string {
  const [, scheme, place] = /^([a-z][a-z0-9+.-]*):\/\/([^?#]*)/i.exec(name) ?? []
  if (scheme === undefined || place === undefined) return `${mark}${name}`
  const parts = place.split('/').filter(part => part !== '')
  return `${mark}${[scheme.toLowerCase(), ...parts].join(':')}`
}

/** Whether a host of a backup is a storage: what is its are objects. */
export function isStorageHost(host: string): boolean {
  return host.startsWith(mark)
}
