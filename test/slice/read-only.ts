/** Shell text that mounts every file system anew; its status is not 0 where one cannot be. */
export function remountAll(how: 'ro' | 'rw'): string {
  // Networks of other tests come and go.
  return `awk '$2 !~ "^/run/netns/" { print $2 }' /proc/self/mounts | while read -r mount
   do mount -o remount,bind,${how} "$mount" || exit 1
   done`
}

/**
 * Words in front of a command that run it where every file system is read-only, in a mount namespace
 * of its own: what tries to write fails.
 */
export const readOnlyController: readonly string[] = [
  'unshare',
  '-m',
  'sh',
  '-c',
  `${remountAll('ro')} && ! touch "$HOME/x" 2>/dev/null && exec "$@"`,
  'sh',
]
