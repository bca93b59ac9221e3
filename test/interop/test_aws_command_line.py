"""What README and docs say to type into the AWS command line, typed against the local run."""

import json
import os
import re
import subprocess
import time

import pytest

from conftest import eventually, root

# Version 1 of the command line knows the endpoint of SQS better than the variable that names it.
sqs = 'aws sqs --endpoint-url "$AWS_ENDPOINT_URL"'


@pytest.fixture(scope='module')
def shell(local_run):
    """Runs a script of the docs as it stands; answers what it prints, as JSON where it prints anything."""
    names = {
        'AWS_ENDPOINT_URL': local_run.aws,
        'AWS_ACCESS_KEY_ID': 'any',
        'AWS_SECRET_ACCESS_KEY': 'any',
        'AWS_DEFAULT_REGION': 'us-east-1',
        'SUBSCRIPTIONS_TABLE': local_run.tables['subscriptions'],
        'SUBSCRIPTIONS': local_run.tables['subscriptions'],
    }

    def run(script):
        outputs = f'output() {{ echo "{local_run.tables["subscriptions"]}"; }}\n'
        result = subprocess.run(
            ['bash', '-euc', outputs + script], env=os.environ | names, capture_output=True, text=True, timeout=60
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout) if result.stdout.strip() else None

    return run


def block(document, beginning):
    """The command of a document that begins so, to its end."""
    text = (root / document).read_text()
    match = re.search(rf'^ *{re.escape(beginning)}(?:.*\\\n)*.*?(?=\n *```|\n\n)', text, re.MULTILINE | re.DOTALL)
    assert match, f'{document} has no command that begins with {beginning}'
    return match.group(0)


@pytest.mark.parametrize(
    ('document', 'subscription_id'),
    [('README.md', 'crm'), ('docs/subscriptions.md', 'crm'), ('docs/deploying.md', 'warehouse')],
)
def test_an_item_put_into_the_table_becomes_a_subscription_that_is_ready(local_run, shell, document, subscription_id):
    shell(block(document, 'aws dynamodb put-item'))

    def ready():
        status, body = local_run.request('GET', f'/v1/subscriptions/{subscription_id}')
        return status == 200 and body['provisioning'] == 'ready'

    eventually(ready, f'{subscription_id} did not become ready')
    key = json.dumps({'subscriptionId': {'S': subscription_id}, 'record': {'S': 'state'}})
    state = shell(f"aws dynamodb get-item --table-name \"$SUBSCRIPTIONS_TABLE\" --key '{key}'")
    assert state['Item']['generatedSecrets']['L'][0]['M']['secret']['S'].startswith('whsec_')


def test_the_index_answers_what_was_never_delivered_and_why(local_run, shell):
    wanted = {'url': 'http://127.0.0.1:9/', 'eventTypes': ['new_message'], 'maxAttempts': 1}
    subscription_id = local_run.request('POST', '/v1/subscriptions', wanted)[1]['subscriptionId']
    path = f'/v1/subscriptions/{subscription_id}'
    eventually(lambda: local_run.request('GET', path)[1]['provisioning'] == 'ready', 'not ready')
    data = {'id': 1, 'conversationId': 1, 'body': 'hello', 'createdAt': int(time.time() * 1000)}
    post = {'orgId': 1, 'type': 'new_message', 'token': 'local-drift-token', 'data': data}
    assert local_run.request('POST', '/drift/events', post)[0] == 202
    query = block('docs/delivery.md', 'aws dynamodb query')
    query = query.replace('<deliveries>', local_run.tables['deliveries']).replace('sub_…', subscription_id)
    (item,) = eventually(lambda: shell(query)['Items'], 'nothing is in the index')
    assert (item['state']['S'], item['eventType']['S']) == ('exhausted', 'new_message')


def test_queues_functions_mappings_and_rules_of_a_subscription_can_be_looked_at(local_run, shell):
    wanted = {'url': 'http://127.0.0.1:9/', 'eventTypes': ['button_clicked']}
    subscription_id = local_run.request('POST', '/v1/subscriptions', wanted)[1]['subscriptionId']
    path = f'/v1/subscriptions/{subscription_id}'
    eventually(lambda: local_run.request('GET', path)[1]['provisioning'] == 'ready', 'not ready')
    urls = shell(f'{sqs} list-queues')['QueueUrls']
    (queue,) = [url for url in urls if url.endswith(subscription_id)]
    attributes = shell(f'{sqs} get-queue-attributes --queue-url {queue} --attribute-names All')['Attributes']
    assert json.loads(attributes['RedrivePolicy'])['deadLetterTargetArn'].endswith(f'{subscription_id}-dlq')
    names = [function['FunctionName'] for function in shell('aws lambda list-functions')['Functions']]
    (name,) = [name for name in names if name.endswith(subscription_id)]
    (mapping,) = shell(f'aws lambda list-event-source-mappings --function-name {name}')['EventSourceMappings']
    assert mapping['State'] == 'Enabled'
    bus = local_run.bus
    rules = shell(f'aws events list-rules --event-bus-name {bus}')['Rules']
    (rule,) = [rule for rule in rules if rule['Name'].endswith(subscription_id)]
    assert 'button_clicked' in rule['EventPattern']
