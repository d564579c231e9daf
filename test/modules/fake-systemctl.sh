#!/bin/sh
# A systemctl that keeps its units in the folder $UNITS: one folder a unit, one file a property.
printf '%s\n' "$*" >>"$UNITS/calls"
verb=
while [ $# -gt 0 ]; do
  case $1 in --) shift; break ;; -*) ;; *) verb=$1 ;; esac
  shift
done
unit=$UNITS/$1
get() { cat "$unit/$1" 2>/dev/null || echo "$2"; }
case $verb in
show)
  if [ ! -d "$unit" ]; then
    printf 'LoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n'; exit 0
  fi
  active=$(get active inactive)
  # So many questions until it is up, or down.
  turns=$(get turns 0)
  if [ "$turns" -gt 0 ]; then
    echo $((turns - 1)) >"$unit/turns"
    case $active in inactive) active=deactivating ;; *) active=activating ;; esac
  fi
  printf 'LoadState=%s\nActiveState=%s\nSubState=%s\n' "$(get load loaded)" "$active" "$(get sub running)"
  printf 'UnitFileState=%s\nType=%s\nResult=%s\n' "$(get enabled disabled)" "$(get type simple)" "$(get result success)" ;;
is-enabled)
  state=$(get enabled disabled); echo "$state"; [ "$state" = enabled ] ;;
enable|disable) echo "${verb}d" >"$unit/enabled" ;;
start|restart|reload)
  [ ! -f "$unit/refuses" ] || { echo "Job for $1 failed." >&2; exit 1; }
  if [ -f "$unit/dies" ]; then echo failed >"$unit/active"; echo exit-code >"$unit/result"
  elif [ "$(get type simple)" = oneshot ]; then echo ran >>"$unit/ran"
  else echo active >"$unit/active"; fi ;;
stop) echo inactive >"$unit/active" ;;
*) echo "unknown verb $verb" >&2; exit 2 ;;
esac
