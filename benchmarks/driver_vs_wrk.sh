#!/usr/bin/env bash
# How much of a node's throughput the recording driver reaches, against wrk on the same
# node with the same number of connections: reads, writes, and half of each, over 20 keys.
#
#   benchmarks/driver_vs_wrk.sh [ROUNDS] [CONNECTIONS] [SECONDS]
#
# Needs wrk, curl and python3.
#
# One node, so that the driver and not an election is measured; loopback for both. The two
# take turns at being first, and the ratio is taken round by round, because machines drift. wrk
# sends requests made beforehand and throws replies away: it is as fast as a client can be. The
# driver makes every operation afresh, understands every reply, and records both.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} connections=${2:-16} seconds=${3:-8}
for tool in wrk curl python3; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install $tool" >&2; exit 1; }
done
cargo build --release --quiet -p squall --bin squall --example driver_load
built=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
node=
end_node() {
  [ -n "$node" ] || return 0
  kill "$node" 2>/dev/null || true
  wait "$node" 2>/dev/null || true
  node=
}
trap 'end_node; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

cat >"$work/mix.lua" <<'LUA'
local reads = tonumber(os.getenv("READS"))
local made, n = {}, 0
function init()
  for number = 1, 2000 do
    local path = "/kv/" .. math.random(0, 19)
    if (number * 37) % 100 < reads then
      made[number] = wrk.format("GET", path)
    else
      made[number] = wrk.format("PUT", path, { ["content-type"] = "application/json" }, '{"value":' .. number .. '}')
    end
  end
end
function request()
  n = n % #made + 1
  return made[n]
end
function done(summary, latency)
  local errors = summary.errors
  local bad = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format("RATE %.0f ERRORS %d\n", summary.requests / summary.duration * 1e6, bad))
end
LUA

# Starts a node with an empty disk of its own, all keys written once.
start_node() {
  local key
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  rm -rf "$work/data"
  mkdir "$work/data"
  "$built/squall" node --id n1 --data "$work/data" --listen "127.0.0.1:$port" 2>"$work/node.log" &
  node=$!
  for key in $(seq 0 19); do
    for _ in $(seq 200); do
      curl -sf -X PUT -H 'content-type: application/json' -d '{"value":0}' \
        "http://127.0.0.1:$port/kv/$key" >/dev/null && continue 2
      sleep 0.05
    done
    echo "the node does not serve: $(tail -1 "$work/node.log")" >&2
    exit 1
  done
}

by_wrk() {
  start_node
  READS=$1 wrk -t1 -c"$connections" -d"${seconds}s" -s "$work/mix.lua" "http://127.0.0.1:$port" \
    | awk '/^RATE/ {if ($4 > 0) print "wrk met " $4 " errors" >"/dev/stderr"; print $2}' >"$work/wrk"
  end_node
}

by_driver() {
  start_node
  TMPDIR=$work "$built/examples/driver_load" "127.0.0.1:$port" --reads "$1" \
    --clients "$connections" --time "$seconds" >"$work/driver"
  end_node
}

echo "round what    wrk/s  squall/s  ratio"
for round in $(seq "$rounds"); do
  for what in reads:100 writes:0 mix:50; do
    if [ $((round % 2)) = 1 ]; then by_wrk "${what#*:}"; by_driver "${what#*:}"
    else by_driver "${what#*:}"; by_wrk "${what#*:}"; fi
    printf '%5d %-6s %6d %9d  %s\n' "$round" "${what%:*}" "$(cat "$work/wrk")" "$(cat "$work/driver")" \
      "$(awk 'NR == FNR {w = $1; next} {printf "%.2f", $1 / w}' "$work/wrk" "$work/driver")"
  done
done | tee "$work/table"
for what in reads writes mix; do
  awk -v what="$what" '$2 == what {print $5}' "$work/table" | sort -n \
    | awk -v what="$what" '{a[NR] = $1} END {printf "median ratio of %s %.2f\n", what, a[int((NR + 1) / 2)]}'
done
