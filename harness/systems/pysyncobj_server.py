"""A key-value store over HTTP on PySyncObj, for testing PySyncObj.

GET, PUT and DELETE /kv/KEY; POST /kv/KEY/cas; GET /status. Values are JSON. Every change goes
through the log; reads do too, or are answered from this node with --reads local. A change that
was certainly not taken is answered 503 with "definite": true; any other failure is indefinite.
"""

import argparse
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from pysyncobj import FAIL_REASON, SyncObj, SyncObjConf, replicated

# How long a node waits for its log; clients give up before.
PATIENCE_S = 10
# Reasons that are given before a command is passed on.
DEFINITE = (FAIL_REASON.QUEUE_FULL, FAIL_REASON.MISSING_LEADER)


class Store(SyncObj):
    """The replicated map. Every method runs on every node, in the order of the log."""

    def __init__(self, node, partners, journal):
        conf = SyncObjConf(
            bindAddress=node,
            journalFile=journal,
            # Without it a compacted log cannot be read again after a restart.
            fullDumpFile=journal + ".dump",
            dynamicMembershipChange=False,
            raftMinTimeout=0.4,
            raftMaxTimeout=1.0,
            appendEntriesPeriod=0.1,
            connectionRetryTime=0.2,
            commandsWaitLeader=False,
        )
        super().__init__(node, partners, conf)
        # At once: the thread that was just started loads the dump over it, a moment later.
        self.values = {}

    @replicated
    def read(self, key):
        return self.values.get(key)

    @replicated
    def write(self, key, value):
        self.values[key] = value

    @replicated
    def delete(self, key):
        self.values.pop(key, None)

    @replicated
    def cas(self, key, expected, value):
        found = self.values.get(key)
        if found != expected:
            return {"found": found}
        self.values[key] = value
        return {"swapped": True}


class Refused(Exception):
    """A command that did not come through; `definite` if it never will."""

    def __init__(self, reason):
        super().__init__(f"reason {reason}")
        self.definite = reason in DEFINITE


def replicate(method, *arguments):
    """Puts a command through the log and returns what it returned here."""
    done = threading.Event()
    outcome = []

    def callback(result, reason):
        outcome.append((result, reason))
        done.set()

    method(*arguments, callback=callback)
    if not done.wait(PATIENCE_S):
        raise Refused(None)
    result, reason = outcome[0]
    if reason != FAIL_REASON.SUCCESS:
        raise Refused(reason)
    return result


def handler(store, reads):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, body):
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def body(self):
            length = int(self.headers.get("Content-Length") or 0)
            return json.loads(self.rfile.read(length) or "null")

        def carry_out(self, work):
            body = self.body()
            parts = self.path.split("/")
            if len(parts) < 3 or parts[1] != "kv":
                self.answer(404, {"error": "no such path"})
                return
            try:
                status, answer = work(unquote(parts[2]), body)
            except Refused as refused:
                status, answer = 503, {"error": str(refused), "definite": refused.definite}
            self.answer(status, answer)

        def do_GET(self):
            if self.path == "/status":
                self.answer(200, status(store))
                return

            def read(key, _):
                if reads == "local":
                    return 200, {"value": store.values.get(key)}
                return 200, {"value": replicate(store.read, key)}

            self.carry_out(read)

        def do_PUT(self):
            self.carry_out(lambda key, body: (200, {"ok": replicate(store.write, key, body["value"])}))

        def do_DELETE(self):
            self.carry_out(lambda key, _: (200, {"ok": replicate(store.delete, key)}))

        def do_POST(self):
            def cas(key, body):
                answer = replicate(store.cas, key, body["expected"], body["value"])
                return (200 if "swapped" in answer else 409), answer

            self.carry_out(cas)

        def log_message(self, *_):
            pass

    return Handler


def status(store):
    told = store.getStatus()
    leader = told["leader"]
    own = leader is not None and leader == told["self"]
    return {
        "role": "leader" if own else "follower",
        "term": told["raft_term"],
        "commit": told["commit_idx"],
    }


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        # Clients that gave up are no error of the server.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--listen", required=True, help="IP:PORT for clients")
    arguments.add_argument("--node", required=True, help="IP:PORT for the other nodes")
    arguments.add_argument("--partners", required=True, help="IP:PORT,... of the other nodes")
    arguments.add_argument("--journal", required=True, help="file of the log")
    arguments.add_argument("--reads", choices=["log", "local"], default="log")
    given = arguments.parse_args()
    partners = [partner for partner in given.partners.split(",") if partner]
    store = Store(given.node, partners, given.journal)
    ip, port = given.listen.rsplit(":", 1)
    Server((ip, int(port)), handler(store, given.reads)).serve_forever()


if __name__ == "__main__":
    main()
