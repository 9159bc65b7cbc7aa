#!/usr/bin/env bash
# How long a node with a million entries behind it takes from its start to the first read
# it serves, and the most memory it holds meanwhile.
#
#   benchmarks/restart.sh [ROUNDS] [NODE_FLAG..]
#
# Needs curl and python3. TMPDIR chooses the disk.
#
# The data directory is made once: 1,000,000 entries behind a snapshot, 10,000 after it, of
# 100,000 keys with values of 100 bytes. Each round gives a node a copy, once as the page
# cache holds it and once after asking the kernel to forget it, and reads a key until that
# is served: a linearizable read, so the node has led and applied its log by then. What it
# returns is compared with what was written last. Prints for each: the time from before the
# process is started, the highest resident memory (VmHWM) at that moment, and its ratio to
# the length of the snapshot.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=cluster.sh
source benchmarks/cluster.sh
rounds=${1:-5}
shift || true
need curl python3
work=$(mktemp -d)
need_disk "$work"
trap 'end_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
build_node
cargo build --release --quiet -p squall-node --example storage
"${CARGO_TARGET_DIR:-target}/release/examples/storage" build "$work/made"
snapshot_bytes=$(stat -c %s "$work"/made/snap/*.snap)
log_bytes=$(du -sb "$work/made/log" | cut -f1)
echo "snapshot $snapshot_bytes bytes, log $log_bytes bytes"
plan_nodes n1

# Writes a copy of the data directory to the disk; with "cold", makes the kernel forget it.
copy_made() {
  rm -rf "$work/data"
  mkdir "$work/data"
  cp -r "$work/made" "$work/data/n1"
  sync -f "$work/data"
  python3 - "$1" "$work/data/n1" <<'PY'
import os, pathlib, sys
for path in pathlib.Path(sys.argv[2]).rglob("*"):
    if sys.argv[1] == "cold" and path.is_file():
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
PY
}

# Prints the milliseconds from $2, in milliseconds since the epoch, to the first read served
# by the node at $1.
await_read() {
  python3 - "$@" <<'PY'
import http.client, json, sys, time

address, began_ms = sys.argv[1], int(sys.argv[2])
while time.time() * 1000 < began_ms + 60_000:
    try:
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.request("GET", "/kv/key-7")
        reply = connection.getresponse()
        if reply.status == 200:
            served_ms = time.time() * 1000
            value = json.load(reply)["value"]
            if value != f"{1_000_007:0100}":
                sys.exit(f"the node served {value}")
            print(f"{served_ms - began_ms:.0f}")
            sys.exit()
    except (OSError, http.client.HTTPException):
        pass
    time.sleep(0.002)
sys.exit("no read for 60 s")
PY
}

# Sets took_ms and peak_kib.
round() {
  local began_ms
  copy_made "$1"
  shift
  began_ms=$(date +%s%3N)
  start_node n1 "$@"
  took_ms=$(await_read "${client_of[n1]}" "$began_ms") || { tail -5 "$work/n1.log" >&2; exit 1; }
  peak_kib=$(awk '/^VmHWM:/ { print $2 }' "/proc/${pid_of[n1]}/status")
  kill -KILL "${pid_of[n1]}"
  wait "${pid_of[n1]}" 2>/dev/null || true
  unset 'pid_of[n1]'
}

for _ in $(seq "$rounds"); do
  for cache in warm cold; do
    round "$cache" "$@"
    echo "$cache $took_ms $peak_kib" | tee -a "$work/figures" | awk -v s="$snapshot_bytes" \
      '{ printf "%s: first read after %d ms, peak %.1f MiB, %.2f of the snapshot\n", $1, $2, $3 / 1024, $3 * 1024 / s }'
  done
done
python3 - "$work/figures" <<'PY'
import statistics, sys
figures = [line.split() for line in open(sys.argv[1])]
for cache in ("warm", "cold"):
    took = [int(took) for which, took, _ in figures if which == cache]
    print(f"{cache}: median {statistics.median(took):.0f} ms of {len(took)}, worst {max(took)} ms")
PY
