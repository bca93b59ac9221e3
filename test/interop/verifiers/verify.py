import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

delivery = json.load(sys.stdin)
try:
    Webhook(delivery['secret']).verify(delivery['body'], delivery['headers'])
except WebhookVerificationError:
    sys.exit(3)
event = json.loads(delivery['body'])
print(event['orgId'], event['data']['id'])
