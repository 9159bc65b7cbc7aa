#!/usr/bin/env bash
# Requests a second and latency of three built-in nodes against three of etcd 3.4 (its JSON
# gateway), on the same disk with every write synced, asked by the same tool.
#
#   benchmarks/node_vs_etcd.sh [ROUNDS] [SECONDS] [KEYS] [VALUE_BYTES]
#
# Needs etcd, wrk, curl and python3. TMPDIR chooses the disk. FLAGS="--reads lease" and the
# like are passed to every node.
#
# A round starts each store afresh and asks it for writes and for linearizable reads, first
# of the leader alone by 64 connections, then spread over all three nodes (22 each, as wrk
# gives every thread the same number). The two take turns, and ratios are taken round by
# round, because machines drift. A reply that is not 2xx counts as failed, never as served;
# a row with a failed one is marked and spoils the run.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=cluster.sh
source benchmarks/cluster.sh
rounds=${1:-5} seconds=${2:-5}
export KEYS=${3:-1000} VALUE_BYTES=${4:-100}
read -ra flags <<<"${FLAGS:-}"
need etcd wrk curl python3
work=$(mktemp -d)
need_disk "$work"
trap 'end_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
build_node

# ask STORE write|read leader|spread: prints what wrk measured.
ask() {
  local threads=1 connections=64 asked=${client_of[$leader]}
  if [ "$3" = spread ]; then
    threads=3 connections=66 asked="${client_of[n1]} ${client_of[n2]} ${client_of[n3]}"
  fi
  STORE=$1 ASK=$2 ASKED=$asked wrk -t$threads -c$connections "-d${4:-$seconds}s" --timeout 10s \
    -s benchmarks/kv.lua "http://${client_of[$leader]}" | awk '/^RESULT/ {print $2, $3, $4, $5}'
}

# Every key is written once before anything is measured, so that reads find it.
fill() {
  python3 - "$1" "http://${client_of[$leader]}" <<'PY' | curl -sS -K -
import base64, json, os, sys
store, url = sys.argv[1:]
encoded = lambda text: base64.b64encode(text.encode()).decode()
value = "v" * int(os.environ["VALUE_BYTES"])
for n in range(1, int(os.environ["KEYS"]) + 1):
    key = f"key-{n}"
    path, body = (f"/kv/{key}", {"value": value}) if store == "node" else (
        "/v3/kv/put", {"key": encoded(key), "value": encoded(value)})
    if n > 1:
        print("next")
    print(f"url={url}{path}", "request=" + ("PUT" if store == "node" else "POST"), "fail",
          "output=/dev/null", "data=" + json.dumps(json.dumps(body)), sep="\n")
PY
}

measure() {
  local store=$1
  if [ "$store" = node ]; then start_nodes "${flags[@]}"; leader=$(leader_of_nodes)
  else start_etcd; leader=$(leader_of_etcd); fi
  fill "$store"
  for way in leader spread; do
    for what in write read; do
      echo "$what $way $(ask "$store" "$what" "$way")"
    done
  done
  end_all
}

echo "round what  asked     node/s  p50ms  p99ms    etcd/s  p50ms  p99ms  ratio  p99 ratio"
for round in $(seq "$rounds"); do
  measure node >"$work/node.rows"
  measure etcd >"$work/etcd.rows"
  paste -d' ' "$work/node.rows" "$work/etcd.rows" | awk -v round="$round" '{
    printf "%5d %-5s %-6s %9d %6.1f %6.1f %9d %6.1f %6.1f %6.2f %10.2f%s\n", round, $1, $2,
      $3, $4 / 1000, $5 / 1000, $9, $10 / 1000, $11 / 1000, $3 / $9, $5 / $11,
      ($6 + $12 > 0 ? "  FAILED node " $6 " etcd " $12 : "")}'
done | tee "$work/table"

for way in leader spread; do
  for what in write read; do
    awk -v what="$what" -v way="$way" '$2 == what && $3 == way {print $10, $11}' "$work/table" |
      python3 -c 'import statistics, sys
rows = [tuple(map(float, line.split())) for line in sys.stdin]
rate, tail = (statistics.median(column) for column in zip(*rows))
print(f"median of {sys.argv[1]}, {sys.argv[2]} asked: {rate:.2f} times etcd, p99 {tail:.2f} of etcd")' \
        "$what" "$way"
  done
done
if grep -q FAILED "$work/table"; then echo "some were not served: no comparison" >&2; exit 1; fi
