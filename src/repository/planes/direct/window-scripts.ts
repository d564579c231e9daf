/**
 * What a host runs to hold blocks for an upload. A window is a folder of its own; what is hashed there
 * is a copy nobody else can write, and that copy is sent. Scripts get paths as arguments and print a
 * line for each answer; they run in dash, bash and busybox.
 */

/** $1 is the window, $2 the hasher; openssl and coreutils both print the sum first. */
const hashFunction = `
case $2 in openssl) hash() { openssl dgst -sha256 -r "$@"; } ;; *) hash() { sha256sum "$@"; } ;; esac
`

/**
 * Copies blocks of file $3 into the window's places and hashes the copies, two at a time. $4 is what dd
 * takes at once and $5 how many of that are a block; then pairs of place and number of block. Prints
 * \`B place bytes sum\`, or \`X place why\`.
 */
export const copyScript = `
umask 077
w=$1 p=$3 bs=$4 per=$5
${hashFunction}
shift 5
one() {
  e=$(dd if="$p" of="$w/$1" bs="$bs" skip=$(($2 * per)) count="$per" 2>&1 </dev/null) || {
    printf 'X %s %s\\n' "$1" "$(printf '%s' "$e" | tr '\\n' ' ')"
    return
  }
  s=$(wc -c <"$w/$1") && h=$(hash "$w/$1" </dev/null) && h=\${h%% *} &&
    printf 'B %s %s %s\\n' "$1" "$((s))" "\${h#\\\\}"
}
while [ $# -gt 0 ]; do
  one "$1" "$2" &
  [ $# -le 2 ] || one "$3" "$4"
  wait
  shift 2
  [ $# -eq 0 ] || shift 2
done
`

/**
 * Copies the files named on stdin, each with a NUL and beginning with \`./\`, from folder $3 into the
 * window, and puts them one behind the other into place $4. No file may be larger than $5 (in 512
 * bytes): one that grew must not fill the host. $6 and $7 are the scripts below. Prints what $7 prints,
 * then \`P bytes sum\` of all.
 */
export const packScript = `
umask 077
w=$1
${hashFunction}
t="$w/t"
mkdir "$t" || exit 1
trap 'rm -rf "$t" "$t.list" "$t.said"' EXIT
trap 'exit 143' TERM
cat >"$t.list" && cd -- "$3" || exit 1
if tar --version 2>/dev/null | grep -q 'GNU tar'; then
  (
    ulimit -f "$5" 2>/dev/null
    tar --format=gnu --no-recursion --hard-dereference --mode=u+rw --null -T "$t.list" -cf - 2>"$t.said" |
      tar --no-same-owner --no-same-permissions -m -C "$t" -xf -
  ) || exit 1
else
  ( ulimit -f "$5" 2>/dev/null; exec xargs -0 -n 500 sh -c "$6" "$t" <"$t.list" 2>"$t.said" )
fi
cd "$t" && : >"$w/$4" || exit 1
xargs -0 -n 500 sh -c "$7" "$w/$4" "$2" <"$t.list" || exit 1
s=$(wc -c <"$w/$4") && h=$(hash "$w/$4" </dev/null) && h=\${h%% *} &&
  printf 'P %s %s\\n' "$((s))" "\${h#\\\\}"
`

/** Copies files one by one where tar is not GNU's; what cannot be copied is not there afterwards. */
export const copyFilesScript = `
for f; do
  { [ -f "$f" ] && [ ! -L "$f" ]; } || continue
  d=$0/\${f%/*}
  [ -d "$d" ] || mkdir -p "$d"
  cat <"$f" >"$0/$f" || rm -f "$0/$f"
done
exit 0
`

/**
 * Puts copies behind the others in file $0. Prints \`M\` and a letter for each: Y, or X for one that is not
 * there; and of those that are \`S size\`, then \`H sum\`, in order.
 */
export const joinFilesScript = `
case $1 in openssl) hash() { openssl dgst -sha256 -r "$@"; } ;; *) hash() { sha256sum "$@"; } ;; esac
shift
m=
for f; do if [ -f "$f" ] && [ ! -L "$f" ]; then m=\${m}Y; else m=\${m}X; fi; done
printf 'M %s\\n' "$m"
case $m in
  *X*)
    n=$#
    while [ $n -gt 0 ]; do
      f=$1
      shift
      if [ -f "$f" ] && [ ! -L "$f" ]; then set -- "$@" "$f"; fi
      n=$((n - 1))
    done
    ;;
esac
[ $# -gt 0 ] || exit 0
stat -c 'S %s' "$@" || exit 255
# A name may hold a newline, and what looks like a sum behind it: then there are more lines.
if out=$(hash "$@" </dev/null) && [ "$(printf '%s\\n' "$out" | wc -l)" -eq $# ]; then
  printf '%s\\n' "$out" | sed 's/^\\\\\\{0,1\\}/H /'
else
  for f; do h=$(hash <"$f") || exit 255; printf 'H %s\\n' "$h"; done
fi
cat "$@" >>"$0" || exit 255
`

/**
 * Hashes blocks of file $2 where they lie; $1 is the hasher, $3 and $4 are what dd takes at once and how
 * many of that are a block, then come numbers of blocks. Prints \`B number\`, and then what dd and the
 * hasher say.
 */
export const hashScript = `
h=$1 p=$2 bs=$3 per=$4
shift 4
case $h in openssl) hash() { openssl dgst -sha256 -r; } ;; *) hash() { sha256sum; } ;; esac
piece() { dd if="$p" bs="$bs" skip=$(($1 * per)) count="$per" </dev/null; }
for n; do
  printf 'B %s\\n' "$n"
  { piece "$n" 2>&3 | hash >&3; } 3>&1
done
`

/**
 * Gives a program a block of file $1 as /dev/fd/4: dd takes $2 bytes at once, leaves out $3 of that, and
 * takes $4. The program gets this script's own stdin, which is read before: the block needs the pipe.
 */
export const pipeScript = `
c=$(cat) || exit 1
p=$1 bs=$2 skip=$3 count=$4
shift 4
dd if="$p" bs="$bs" skip="$skip" count="$count" 2>/dev/null </dev/null | {
  exec 4<&0
  printf '%s\\n' "$c" | "$@"
}
`
