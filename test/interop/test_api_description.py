"""The OpenAPI document is one that other tools read, and the API does what it says."""

import json
import subprocess
import urllib.request

import pytest


@pytest.fixture(scope='module')
def description(local_run, tmp_path_factory):
    path = tmp_path_factory.mktemp('api') / 'openapi.json'
    with urllib.request.urlopen(f'{local_run.api}/v1/openapi.json', timeout=30) as answer:
        path.write_bytes(answer.read())
    return path


def test_the_description_is_valid_openapi(description):
    result = subprocess.run(['openapi-spec-validator', str(description)], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_operation_answers_what_the_description_says_also_to_nonsense(description, local_run):
    """Each answer's status, content type, headers and body as described; never a 5xx; what is forbidden is refused.

    Left out: that all that fits the schemas is accepted. They cannot say which cursor came from which list, or which
    parameters exclude each other.
    """
    command = ['schemathesis', 'run', str(description), '--url', local_run.api, '--seed', '1', '--max-examples', '25',
               '--phases', 'examples,coverage,fuzzing', '--exclude-checks', 'positive_data_acceptance',
               '--request-timeout', '30', '--generation-database', 'none']
    result = subprocess.run(command, cwd=description.parent, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr
    paths = json.loads(description.read_text())['paths'].values()
    operations = sum(method in path for path in paths for method in ('get', 'post', 'put', 'patch', 'delete'))
    assert f'{operations}/{operations}' in result.stdout
