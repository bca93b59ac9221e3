"""Receivers in other languages verify a delivery with their public library, and read its ids to the last digit."""

import json
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

from conftest import eventually

verifiers = pathlib.Path(__file__).parent / 'verifiers'
refused = 3
org_id, message_id = 9007199254740993, 9223372036854775807
text = 'Grüße 👋 \u2028 \uffff </script>'


def python_verifier(_):
    return [sys.executable, str(verifiers / 'verify.py')]


def go_verifier(folder):
    return built(folder, 'go', 'go mod download', 'go build -o verify .', './verify')


def java_verifier(folder):
    return built(folder, 'java', 'mvn -q -B dependency:go-offline', 'mvn -q -B package', 'java -jar target/verify.jar')


def rust_verifier(folder):
    return built(folder, 'rust', 'cargo fetch --quiet --locked', 'cargo build --quiet --locked', 'target/debug/verify')


def built(folder, language, fetch, build, run):
    """The command that runs the verifier. A language without its tools, or its registry, is skipped."""
    place = folder / language
    shutil.copytree(verifiers / language, place)
    fetch, build, run = fetch.split(), build.split(), run.split()
    if shutil.which(fetch[0]) is None:
        pytest.skip(f'there is no {fetch[0]}')
    if subprocess.run(fetch, cwd=place, timeout=600).returncode != 0:
        pytest.skip(f'{fetch[0]} could not fetch the library')
    subprocess.run(build, cwd=place, check=True, timeout=600)
    return [str(place / part) if '/' in part else part for part in run]


@pytest.fixture(scope='module', params=[python_verifier, go_verifier, java_verifier, rust_verifier])
def verifier(request, tmp_path_factory):
    """Takes a delivery on standard input; prints `orgId id` and ends with 0, or ends with 3 where the library refuses it."""
    command = request.param(tmp_path_factory.mktemp('verifier'))

    def verify(secret, headers, body):
        delivery = json.dumps({'secret': secret, 'headers': headers, 'body': body.decode()})
        return subprocess.run(command, input=delivery, text=True, capture_output=True, timeout=60)

    return verify


def deliver(local_run, subscriber, rotated=False):
    """One delivery: the secrets that were in force, its headers, its body."""
    wanted = {'url': subscriber.url, 'eventTypes': ['new_message']}
    status, created = local_run.request('POST', '/v1/subscriptions', wanted)
    assert status == 201, created
    path = f'/v1/subscriptions/{created["subscriptionId"]}'
    secrets = [created['secret']]
    if rotated:
        secrets.append(local_run.request('POST', f'{path}/rotate-secret', {})[1]['secret'])
    eventually(lambda: local_run.request('GET', path)[1]['provisioning'] == 'ready', 'not ready')
    data = {'id': message_id, 'conversationId': 1, 'body': text, 'createdAt': int(time.time() * 1000)}
    post = {'orgId': org_id, 'type': 'new_message', 'token': 'local-drift-token', 'data': data}
    status, answer = local_run.request('POST', '/drift/events', post)
    assert status == 202, answer
    headers, body = subscriber.delivery_of('new_message')
    local_run.request('DELETE', path)
    return secrets, headers, body


@pytest.fixture(scope='module')
def delivered(local_run):
    """Deliveries are the same for every language."""
    from conftest import Subscriber

    plain, rotated = Subscriber(), Subscriber()
    yield {'plain': deliver(local_run, plain), 'rotated': deliver(local_run, rotated, rotated=True)}
    for subscriber in (plain, rotated):
        subscriber.server.shutdown()
        subscriber.server.server_close()


def test_a_delivery_is_genuine_and_its_ids_have_every_digit(delivered, verifier):
    (secret,), headers, body = delivered['plain']
    result = verifier(secret, headers, body)
    assert (result.returncode, result.stdout.split()) == (0, [str(org_id), str(message_id)]), result.stderr
    assert json.loads(body)['data']['body'] == text


def test_during_a_rotation_either_secret_verifies(delivered, verifier):
    secrets, headers, body = delivered['rotated']
    assert [verifier(secret, headers, body).returncode for secret in secrets] == [0, 0]


def test_a_changed_body_or_another_secret_is_refused(delivered, verifier):
    (secret,), headers, body = delivered['plain']
    (other, _), _, _ = delivered['rotated']
    assert verifier(secret, headers, body + b' ').returncode == refused
    assert verifier(other, headers, body).returncode == refused
