/**
 * The one script that moves trees: POSIX sh, no tool beyond mv, rm, rmdir, mkdir, sync, stat, find,
 * chmod, chown. `sh -c SCRIPT bkp-restore MODE (LAYOUT TARGET HOLDER TAIL)...`, MODE being swap,
 * unswap, discard-old, discard-staged, discard-all or clear; TAIL is the rest of the swap record's JSON.
 *
 * What drives it is on the disk: the state in `swap.json`, written and synced before the moves it
 * announces, and within a state what exists. Killed anywhere, swap completes it and unswap reverts it.
 *
 *   staged, reverted ─► moving-old ─► moving-new ─► swapped      swap
 *   reverted ◄─ returning-old ◄─ returning-new ◄─ swapped        unswap
 *
 * In moving-old and returning-old the new tree is whole in the holder; in moving-new and
 * returning-new the old one is. `discarding` is never left except by removing all.
 */
export const moveScript = `
set -u
LC_ALL=C
export LC_ALL
umask 077
fail() { printf '%s\\n' "$1" >&2; exit 3; }
exists() { [ -e "$1" ] || [ -L "$1" ]; }

# An old sync knows no operands; only then is everything synced, which cannot report an error.
if sync -- / 2>/dev/null
then flush() { sync -- "$@" || fail "cannot sync $*"; }
else flush() { sync || fail 'cannot sync'; }
fi

record() {
  printf '{"state":"%s",%s\\n' "$1" "$tail" >"$holder/swap.json.tmp" || fail "cannot write $holder/swap.json"
  flush "$holder/swap.json.tmp"
  mv -f -- "$holder/swap.json.tmp" "$holder/swap.json" || fail "cannot write $holder/swap.json"
  flush "$holder"
}

read_state() {
  state=staged
  exists "$holder/swap.json" || return 0
  head='{"state":"'
  IFS= read -r state <"$holder/swap.json" || fail "cannot read $holder/swap.json"
  state=\${state#"$head"}
  state=\${state%%\\"*}
}

# Folders only: files may be hard links of live ones, and a chmod would reach those.
remove() {
  exists "$1" || return 0
  rm -rf -- "$1" 2>/dev/null && return 0
  find "$1" -type d -exec chmod u+rwx {} \\;
  rm -rf -- "$1" || fail "cannot remove $1"
}

# Moves one thing; mv would put it inside an existing folder, so nothing may be there.
move() {
  exists "$2" && fail "$2 is in the way of $1: something made it; move it away and run this again"
  mv -- "$1" "$2" || fail "cannot move $1 to $2"
}

# Moves what a folder holds; of a mount point not the holders, this one and those of other stages.
move_children() {
  for child in "$1"/* "$1"/.[!.]* "$1"/..?*
  do
    exists "$child" || continue
    name=\${child##*/}
    if [ "$1" = "$target" ]
    then case $name in .bkp-*) continue ;; esac
    fi
    move "$child" "$2/$name"
  done
}

# A mount point keeps its own inode: only its owner and mode are made like another folder's.
like() {
  owner=$(stat -c %u:%g -- "$1") && mode=$(stat -c %a -- "$1") || fail "cannot stat $1"
  [ "$(stat -c %u:%g -- "$2")" = "$owner" ] || chown "$owner" -- "$2" || fail "cannot chown $2"
  chmod "$mode" -- "$2" || fail "cannot chmod $2"
}

settle_moves() {
  if [ "$layout" = children ]
  then
    flush "$holder" "$target"
    for moved in "$staged" "$old"
    do [ -d "$moved" ] && flush "$moved"
    done
  else flush "$holder" "$parent"
  fi
}

take_old() {
  if [ "$layout" = children ]
  then
    if ! [ -d "$old" ]
    then
      remove "$old.tmp"
      mkdir -- "$old.tmp" || fail "cannot make $old"
      like "$target" "$old.tmp"
      mv -- "$old.tmp" "$old" || fail "cannot make $old"
    fi
    move_children "$target" "$old"
  elif exists "$target"
  then move "$target" "$old"
  fi
  settle_moves
}

put_new() {
  if [ "$layout" = children ]
  then
    move_children "$staged" "$target"
    like "$staged" "$target"
  elif exists "$staged"
  then move "$staged" "$target"
  else exists "$target" || fail "$staged and $target are both gone"
  fi
  settle_moves
}

take_new() {
  if [ "$layout" = children ]
  then move_children "$target" "$staged"
  elif exists "$target"
  then move "$target" "$staged"
  else exists "$staged" || fail "$staged and $target are both gone"
  fi
  settle_moves
}

put_old() {
  if [ "$layout" = children ]
  then
    if [ -d "$old" ]
    then
      move_children "$old" "$target"
      like "$old" "$target"
      rmdir -- "$old" || fail "cannot remove $old"
    fi
  elif exists "$old"
  then move "$old" "$target"
  fi
  settle_moves
}

swap() {
  read_state
  case $state in
    staged | reverted | moving-old | returning-old)
      exists "$staged" || fail "$staged is gone"
      record moving-old
      take_old
      ;;
    moving-new | returning-new) ;;
    swapped) return 0 ;;
    *) fail "$target cannot be swapped: its state is $state" ;;
  esac
  record moving-new
  put_new
  record swapped
}

unswap() {
  exists "$holder" || return 0
  read_state
  case $state in
    staged | reverted) return 0 ;;
    swapped | moving-new | returning-new)
      record returning-new
      take_new
      ;;
    moving-old | returning-old) ;;
    *) fail "the old tree of $target cannot be put back: its state is $state" ;;
  esac
  record returning-old
  put_old
  record reverted
}

discard() {
  exists "$holder" || return 0
  read_state
  # Killed between its last record and itself: nothing is left in it.
  if [ "$state" != discarding ] && ! exists "$holder/stage.json"
  then
    rmdir -- "$holder" || fail "$holder holds no record of ours"
    return 0
  fi
  case $1:$state in
    old:swapped | all:swapped) record discarding ;;
    staged:staged | staged:reverted | all:staged | all:reverted)
      exists "$old" && fail "$old exists although $target was not swapped"
      record discarding
      ;;
    *:discarding) ;;
    old:staged | old:reverted | staged:swapped) return 0 ;;
    *) fail "the swap of $target is not finished ($state): swap it or put it back first" ;;
  esac
  # The state goes last: a killed discard is taken up where it was.
  for rest in "$holder"/* "$holder"/.[!.]* "$holder"/..?*
  do [ "$rest" = "$holder/swap.json" ] || remove "$rest"
  done
  remove "$holder/swap.json"
  rmdir -- "$holder" || fail "cannot remove $holder"
  flush "$parent"
}

# What an interrupted stage left behind; its record says already that it is not complete.
clear_stage() {
  exists "$holder" || return 0
  read_state
  case $state in
    staged | reverted) ;;
    *) fail "$target is being swapped ($state)" ;;
  esac
  exists "$old" && fail "$old exists although $target was not swapped"
  remove "$holder/swap.json"
  remove "$staged"
  remove "$holder/attributes"
  flush "$holder"
}

operation=$1
shift
while [ $# -gt 0 ]
do
  layout=$1 target=$2 holder=$3 tail=$4
  shift 4
  staged=$holder/new old=$holder/old
  parent=\${target%/*}
  [ -n "$parent" ] || parent=/
  if exists "$holder"
  then
    # Someone who may write beside the target could have put a folder or a link of theirs here.
    [ -d "$holder" ] && ! [ -L "$holder" ] && [ -O "$holder" ] || fail "$holder is not a folder of ours"
  elif [ "$operation" = swap ]
  then fail "$holder is gone"
  fi
  case $operation in
    swap) swap ;;
    unswap) unswap ;;
    discard-old) discard old ;;
    discard-staged) discard staged ;;
    discard-all) discard all ;;
    clear) clear_stage ;;
    *) fail "unknown operation $operation" ;;
  esac
done
`
