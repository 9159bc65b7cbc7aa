# Three nodes of either store on loopback, for the scripts that source this file.
#
# Whoever sources it sets `work`, a directory of its own on the disk to be measured, and
# calls `end_all` on every exit path. Only what was started here is ended, by its process id.
# shellcheck shell=bash

declare -A pid_of=() client_of=()
squall_node=

need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install $tool" >&2; exit 1; }
  done
}

# Refuses a disk on which a sync costs nothing, for then nothing is measured.
need_disk() {
  case $(stat -f -c %T "$1") in
    tmpfs | ramfs) echo "$1 is in memory; set TMPDIR to a directory on a disk" >&2; exit 1 ;;
  esac
}

# Builds the node alone, as the product would run it.
build_node() {
  cargo build --release --quiet -p squall-node --example node
  squall_node=${CARGO_TARGET_DIR:-target}/release/examples/node
}

# Prints as many free ports as asked for.
free_ports() {
  python3 - "$1" <<'PY'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))
PY
}

# start_node NAME [FLAG..]: starts (or restarts) one node of the cluster planned by plan_nodes.
start_node() {
  local name=$1 other peers=()
  shift
  for other in "${!client_of[@]}"; do
    [ "$other" = "$name" ] || peers+=(--peer "$other=${client_of[$other]}")
  done
  RUST_LOG=info "$squall_node" --id "$name" --data "$work/data/$name" \
    --listen "${client_of[$name]}" "${peers[@]}" "$@" >>"$work/$name.log" 2>&1 &
  pid_of[$name]=$!
}

plan_nodes() {
  local name ports
  read -ra ports <<<"$(free_ports "$#")"
  for name in "$@"; do
    client_of[$name]=127.0.0.1:${ports[0]}
    ports=("${ports[@]:1}")
  done
}

start_nodes() {
  local name
  plan_nodes n1 n2 n3
  for name in n1 n2 n3; do start_node "$name" "$@"; done
}

start_etcd() {
  local name ports peers=
  read -ra ports <<<"$(free_ports 6)"
  local -A peer_of=([n1]=127.0.0.1:${ports[3]} [n2]=127.0.0.1:${ports[4]} [n3]=127.0.0.1:${ports[5]})
  for name in n1 n2 n3; do
    client_of[$name]=127.0.0.1:${ports[0]}
    ports=("${ports[@]:1}")
    peers+="${peers:+,}$name=http://${peer_of[$name]}"
  done
  for name in n1 n2 n3; do
    etcd --name "$name" --data-dir "$work/data/$name" --initial-cluster "$peers" \
      --listen-peer-urls "http://${peer_of[$name]}" \
      --initial-advertise-peer-urls "http://${peer_of[$name]}" \
      --listen-client-urls "http://${client_of[$name]}" \
      --advertise-client-urls "http://${client_of[$name]}" \
      --logger zap --log-level error --log-outputs stderr >>"$work/$name.log" 2>&1 &
    pid_of[$name]=$!
  done
}

# Prints the name of the leader once one node says it leads, or fails after ten seconds.
leader_of_nodes() {
  local name
  for _ in $(seq 1000); do
    for name in "${!pid_of[@]}"; do
      if curl -sf -m 1 "http://${client_of[$name]}/status" 2>/dev/null \
        | grep -q '"role":"leader"'; then
        echo "$name"
        return
      fi
    done
    sleep 0.01
  done
  echo "no node leads; see $work/*.log" >&2
  return 1
}

leader_of_etcd() {
  local name
  for _ in $(seq 200); do
    for name in "${!pid_of[@]}"; do
      if curl -sf -m 1 -X POST -d '{}' "http://${client_of[$name]}/v3/maintenance/status" 2>/dev/null \
        | python3 -c 'import json, sys
status = json.load(sys.stdin)
sys.exit(status.get("leader", "0") != status["header"]["member_id"])' 2>/dev/null; then
        echo "$name"
        return
      fi
    done
    sleep 0.05
  done
  echo "no etcd leads; see $work/*.log" >&2
  return 1
}

# Ends every node that runs, at once, and removes what they wrote.
end_all() {
  local name
  for name in "${!pid_of[@]}"; do kill -KILL "${pid_of[$name]}" 2>/dev/null || true; done
  for name in "${!pid_of[@]}"; do wait "${pid_of[$name]}" 2>/dev/null || true; done
  pid_of=() client_of=()
  rm -rf "$work/data"
}
