#!/usr/bin/env bash
# How much of a node's throughput the recording driver reaches, against wrk on the same
# node with the same number of connections, half reads and half writes over 20 keys.
#
#   benchmarks/driver_vs_wrk.sh [ROUNDS] [CONNECTIONS] [SECONDS]
#
# Needs wrk, curl and python3.
#
# One node, so that the driver and not an election is measured; loopback for both. The two
# take turns, and the ratio is taken round by round, because machines drift.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} connections=${2:-16} seconds=${3:-8}
for tool in wrk curl python3; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install $tool" >&2; exit 1; }
done
cargo build --release --quiet
squall=${CARGO_TARGET_DIR:-target}/release/squall
work=$(mktemp -d)
node=
trap '[ -z "$node" ] || kill "$node" 2>/dev/null; rm -rf "$work"' EXIT

cat >"$work/mix.lua" <<'LUA'
local n = 0
function request()
  n = n + 1
  local path = "/kv/" .. math.random(0, 19)
  if n % 2 == 0 then return wrk.format("GET", path) end
  return wrk.format("PUT", path, { ["content-type"] = "application/json" }, '{"value":' .. n .. '}')
end
function done(summary, latency)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RATE %.0f ERRORS %d\n", summary.requests / summary.duration * 1e6, bad))
end
LUA

by_wrk() {
  local port=$((20000 + RANDOM % 10000)) data="$work/data.$1"
  mkdir "$data"
  "$squall" node --id n1 --data "$data" --listen "127.0.0.1:$port" 2>"$work/node.log" &
  node=$!
  for _ in $(seq 200); do curl -sf -X PUT -H 'content-type: application/json' \
      -d '{"value":0}' "http://127.0.0.1:$port/kv/0" >/dev/null && break; sleep 0.05; done
  wrk -t1 -c"$connections" -d"${seconds}s" -s "$work/mix.lua" "http://127.0.0.1:$port" \
    | awk '/^RATE/ {print $2}'
  kill "$node"; wait "$node" || true
  node=
}

by_squall() {
  "$squall" test --nodes 1 --nemesis none --net proxy --rate unlimited --seed "$1" \
    --concurrency "$connections" --time "${seconds}s" --store "$work/store" --json 2>/dev/null \
    >"$work/results.json"
  # Operations of the clients alone: the whole run less the read-back, over the workload time.
  python3 - "$work/results.json" <<'PY'
import json, sys
results = json.load(open(sys.argv[1]))
ok = results["whole"]["total"]["ok"] - results["facts"]["recovered"]["final_reads_ok"]
print(round(ok / (results["facts"]["timings"]["workload_ms"] / 1000)))
PY
}

echo "round  wrk/s  squall/s  ratio"
for round in $(seq "$rounds"); do
  by_wrk "$round" >"$work/wrk"; w=$(cat "$work/wrk"); s=$(by_squall "$round")
  awk -v r="$round" -v w="$w" -v s="$s" 'BEGIN {printf "%5d %6d %9d  %.2f\n", r, w, s, s / w}'
done | tee "$work/table"
awk '{print $4}' "$work/table" | sort -n | awk '{a[NR]=$1} END {printf "median ratio %.2f\n", a[int((NR+1)/2)]}'
