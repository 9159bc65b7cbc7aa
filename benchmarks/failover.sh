#!/usr/bin/env bash
# How long three built-in nodes take from the death of their leader to the next write.
#
#   benchmarks/failover.sh [ROUNDS] [NODE_FLAG..]
#
# Needs curl and python3. TMPDIR chooses the disk.
#
# Each round kills the leader with SIGKILL, amid writes, and asks both of the others for a
# write until one is acknowledged; the node then comes back, and the next round begins once
# it has caught up. All at default timeouts, unless flags are given. Also counts the terms
# that began without a kill: false and repeated elections.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=cluster.sh
source benchmarks/cluster.sh
rounds=${1:-30}
shift || true
need curl python3
work=$(mktemp -d)
need_disk "$work"
trap 'end_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
build_node
start_nodes "$@"

# Prints the milliseconds from the SIGKILL of process $1 to the first write acknowledged by
# one of the nodes at $2 and $3.
time_failover() {
  python3 - "$@" <<'PY'
import http.client, os, signal, sys, threading, time

process, addresses = int(sys.argv[1]), sys.argv[2:]
served = threading.Event()
writes = {"before": 0, "after": 0}

def write(address, when, patience):
    try:
        connection = http.client.HTTPConnection(address, timeout=patience)
        connection.request("PUT", "/kv/failover", '{"value":1}')
        if connection.getresponse().status == 200:
            writes[when] += 1
            if when == "after" and not served.is_set():
                served.at = time.monotonic()
                served.set()
    except OSError:
        pass
    except http.client.HTTPException:
        pass

def keep_writing(address):
    while not served.is_set():
        write(address, "after", 2)
        time.sleep(0.002)

for _ in range(20):
    write(addresses[0], "before", 2)
if writes["before"] < 20:
    sys.exit("the cluster did not serve before the kill")
os.kill(process, signal.SIGKILL)
began = time.monotonic()
writers = [threading.Thread(target=keep_writing, args=(one,), daemon=True) for one in addresses]
for writer in writers:
    writer.start()
if not served.wait(30):
    sys.exit("no write for 30 s after the kill")
print(f"{(served.at - began) * 1000:.0f}")
PY
}

field() { curl -sf -m 2 "http://${client_of[$1]}/status" | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$2"; }

caught_up() {
  for _ in $(seq 500); do
    if [ "$(field "$1" applied 2>/dev/null)" = "$(field "$2" commit)" ]; then return; fi
    sleep 0.02
  done
  echo "$1 has not caught up; see $work/$1.log" >&2
  return 1
}

leader=$(leader_of_nodes)
first_term=$(field "$leader" term)
for round in $(seq "$rounds"); do
  leader=$(leader_of_nodes)
  others=()
  for name in n1 n2 n3; do [ "$name" = "$leader" ] || others+=("${client_of[$name]}"); done
  took=$(time_failover "${pid_of[$leader]}" "${others[@]}")
  killed=$leader
  wait "${pid_of[$killed]}" 2>/dev/null || true
  unset "pid_of[$killed]"
  leader=$(leader_of_nodes)
  start_node "$killed" "$@"
  caught_up "$killed" "$leader"
  # Not through a pipe: the nodes started here have to be known at the end.
  printf '%5d %5d ms\n' "$round" "$took"
  echo "$took" >>"$work/table"
done
leader=$(leader_of_nodes)
last_term=$(field "$leader" term)
sort -n "$work/table" | awk -v terms=$((last_term - first_term)) '
  {a[NR] = $1}
  END {
    printf "median %d ms, worst %d ms of %d; ", a[int((NR + 1) / 2)], a[NR], NR
    printf "%d terms began without a kill\n", terms - NR
  }'
