"""The local run as a process of its own, and a subscriber that keeps what it gets."""

import http.server
import json
import pathlib
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

root = pathlib.Path(__file__).resolve().parents[2]


class LocalRun:
    def __init__(self, ready):
        self.api, self.aws, self.bus, self.tables = (ready[name] for name in ('api', 'aws', 'bus', 'tables'))

    def request(self, method, path, body=None):
        """Answers (status, parsed JSON); an error answer is no exception."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, {'content-type': 'application/json'}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b'null')
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b'null')


@pytest.fixture(scope='session')
def local_run(tmp_path_factory):
    log = open(tmp_path_factory.mktemp('local-run') / 'stderr', 'w+')
    command = ['node', 'local/main.ts', '--port', '0', '--aws-port', '0', '--json']
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        line = process.stdout.readline()
        if not line:
            log.seek(0)
            raise RuntimeError(f'the local run did not start: {log.read()}')
        # What it prints later must not fill the pipe.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield LocalRun(json.loads(line))
    finally:
        process.terminate()
        process.wait(20)


class Subscriber:
    """Answers 204, and keeps headers (lower case) and body as they came."""

    def __init__(self):
        self.deliveries = []
        deliveries = self.deliveries

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers['content-length']))
                deliveries.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}/'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def delivery_of(self, event_type):
        def look():
            return next((d for d in self.deliveries if json.loads(d[1])['type'] == event_type), None)

        return eventually(look, f'no {event_type} came')


@pytest.fixture
def subscriber():
    subscriber = Subscriber()
    yield subscriber
    subscriber.server.shutdown()
    subscriber.server.server_close()


def eventually(look, complaint, seconds=60):
    """What `look` answers as soon as it is neither None nor False."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(complaint)
