import { newestRepositoryFormat } from './bendsave-header.ts'
import { manifestProto } from './manifest-proto-text.ts'

/** The text of `bendsave.md`: what the repository is, and how to restore from it by hand. */
export function bendsaveText(repositoryId: string): string {
  return `---
format_version: ${newestRepositoryFormat}
repository_id: ${repositoryId}
---
${explanation}
## The schema

\`\`\`proto
${manifestProto}\`\`\`
`
}

// ´ stands for the backtick, which would end the literal.
const explanation = String.raw`# This is a backup repository

It was written by bkp. The easiest way to restore from it is bkp itself: ´bkp list´, ´bkp extract´ and the
restore runbooks. But nothing here needs bkp: a shell, ´awk´, ´dd´, ´sha256sum´ and ´protoc´ (of protobuf)
are enough to get every file back. This file says how.

**Never change or delete anything here by hand.** Blocks are shared between backups.

## What is where

| name | what it is |
|---|---|
| ´manifests/YYYYMMDD_HHMMSS.manifest´ | one backup, by the second (UTC) in which it began: a ´BackupManifest´ message of the schema below |
| ´data/<sha256>´ | a block of at most 8 MiB, named by the sha256 of its bytes; ´data/<sha256>.<generation>´ where the generation is not 0. On a disk or HDFS the blocks are in folders by the first two digits: ´data/ab/ab12...´ |
| ´forgotten/YYYYMMDD_HHMMSS´ | that backup is given up; its blocks may be gone |
| ´sessions/´ ´beats/´ ´gc/´ ´checks/´ ´runs/´ ´locks/´ ´probe/´ | how several runs of bkp stay out of each other's way; not needed to restore |

A manifest without a ´state´ is a complete backup. ´state: PARTIAL´ is what a long backup had stored at
some point. ´state: REVOKED´ is no backup at all. Hosts under ´hosts_missing´ are not in it.

A file larger than 1 MiB is cut every 8 MiB: its blocks follow each other. A smaller one is a range
of one block, which it shares with others: it begins at the block's ´offset´ and is ´size´ bytes long. An
empty file has no block. The entries of the files are in the manifest (´storage´), or, where they are many,
in blocks of their own that the manifest names in order (´storage_index´), each a ´BackupFileList´.

## Get a file back

Say what you want, and be in the folder that holds this file. A path is written here as ´protoc´ prints
it: ´\n´ for a line break, ´\377´ for a byte that is not text, ´\"´ for a quote.

´´´sh
BACKUP=20250114_201500
HOST=db1
FILE='/var/lib/data/some file'
´´´

First some tools. For a repository on S3, replace ´get´ as shown further down.

´´´sh
OUT=$(mktemp -d)
get() {
  case $1 in
    data/*) rest=$(echo "$1" | cut -c 6-); fan="data/$(printf %.2s "$rest")/$rest"
      if [ -f "$fan" ]; then cat "$fan"; else cat "$1"; fi ;;
    *) cat "$1" ;;
  esac
}
block() { if [ "$2" = 0 ]; then get "data/$1"; else get "data/$1.$2"; fi; }
decode() { protoc --proto_path="$OUT" --decode="bkp.v1.$1" "$OUT/bkp.proto"; }

# The schema stands at the end of this file.
get bendsave.md | sed -n '/^´´´proto$/,/^´´´$/p' | sed '1d;$d' > "$OUT/bkp.proto"
´´´

Read the manifest, and make a list of all files: a line for each, with host, path, type, size and blocks
(id:generation:offset), separated by tabs.

´´´sh
get "manifests/$BACKUP.manifest" | decode BackupManifest > "$OUT/manifest.txt"

awk '/^storage_index \{$/ { inside = 1; id = ""; generation = 0 }
     inside && $1 == "block_id:" { id = $2; gsub(/"/, "", id) }
     inside && $1 == "generation:" { generation = $2 }
     inside && /^\}$/ { print id, generation; inside = 0 }' "$OUT/manifest.txt" > "$OUT/index.txt"

cp "$OUT/manifest.txt" "$OUT/entries.txt"
while read -r id generation; do
  block "$id" "$generation" | decode BackupFileList >> "$OUT/entries.txt"
done < "$OUT/index.txt"

awk '/^(storage|files|metasrv) \{$/ { file = 1; host = path = blocks = ""; size = 0; type = "FILE"; next }
     file && /^  blocks \{$/ { block = 1; id = ""; generation = offset = 0; next }
     block && $1 == "block_id:" { id = $2; gsub(/"/, "", id); next }
     block && $1 == "generation:" { generation = $2; next }
     block && $1 == "offset:" { offset = $2; next }
     block && /^  \}$/ { blocks = blocks id ":" generation ":" offset " "; block = 0; next }
     file && /^  host: / { host = substr($0, 10, length($0) - 10); next }
     file && /^  path: / { path = substr($0, 10, length($0) - 10); next }
     file && /^  size: / { size = $2; next }
     file && /^  type: / { type = $2; next }
     file && /^\}$/ { print host "\t" path "\t" type "\t" size "\t" blocks; file = 0 }
    ' "$OUT/entries.txt" > "$OUT/files.txt"

cat "$OUT/files.txt"
´´´

Put the file together. Each block is checked against its name before it is used.

´´´sh
HOST="$HOST" FILE="$FILE" awk -F '\t' '$1 == ENVIRON["HOST"] && $2 == ENVIRON["FILE"]' \
  "$OUT/files.txt" > "$OUT/file.txt"
size=$(cut -f 4 "$OUT/file.txt")
: > "$OUT/restored"
for reference in $(cut -f 5 "$OUT/file.txt"); do
  id=$(echo "$reference" | cut -d : -f 1)
  generation=$(echo "$reference" | cut -d : -f 2)
  offset=$(echo "$reference" | cut -d : -f 3)
  block "$id" "$generation" > "$OUT/block"
  echo "$id  $OUT/block" | sha256sum -c - || { echo "block $id is damaged"; break; }
  if [ "$size" -lt 1048576 ]; then
    dd if="$OUT/block" bs=1 skip="$offset" count="$size" 2> /dev/null >> "$OUT/restored"
  else
    cat "$OUT/block" >> "$OUT/restored"
  fi
done
wc -c "$OUT/restored"
echo "restored as $OUT/restored, $size bytes expected"
´´´

Owner, mode, times and the targets of symbolic links stand with the entry in ´$OUT/entries.txt´; times are
nanoseconds since 1970, and ´mode´ is a decimal number. The recovery kit of a backup (runbook, inventory,
instructions) is in the blocks of ´recovery_kit´: put together, they are one ´RecoveryKit´ message.

## On S3

Download the repository (´aws s3 sync s3://bucket/prefix .´) and go on as above, or fetch only what is needed with
´curl´. The keys of the account are read from a file of mode 0600 with the line ´user = "KEY:SECRET"´.

´´´text
URL=https://s3.us-east-1.amazonaws.com/bucket/prefix REGION=us-east-1 KEYS=$HOME/.bkp-keys
get() { curl -fsS --config "$KEYS" --aws-sigv4 "aws:amz:$REGION:s3" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$URL/$1"; }
´´´
`.replaceAll('´', '`')
