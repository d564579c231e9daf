/**
 * Words in front of a command that run it where every file system is read-only, in a mount namespace
 * of its own: what tries to write fails.
 */
export const readOnlyController: readonly string[] = [
  'unshare',
  '-m',
  'sh',
  '-c',
  // Networks of other tests come and go.
  `awk '$2 !~ "^/run/netns/" { print $2 }' /proc/self/mounts | while read -r mount
   do mount -o remount,bind,ro "$mount" || exit 1
   done && ! touch "$HOME/x" 2>/dev/null && exec "$@"`,
  'sh',
]
