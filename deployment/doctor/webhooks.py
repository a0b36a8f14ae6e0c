"""Webhooks: that their queue is filled and read, that they are signed, and where they go."""

from urllib.parse import urlsplit

from deployment.doctor.bucket import arn_of
from deployment.doctor.checks import WrongError
from deployment.doctor.functions import DEPLOY, trigger_states
from deployment.stacks import Stack
from functions.deliver_webhooks.addresses import UnreachableError, addresses_of
from functions.deliver_webhooks.signing import keys_of

FUNCTION = "DeliverWebhooks"


def webhooks(stack: Stack) -> str:
    """Everything from the bus to the receiver's address; nothing is posted."""
    variables = stack.variables(FUNCTION)
    url = variables.get("WEBHOOK_URL", "")
    wanted = stack.parameters.get("WebhookUrl", "")
    if url != wanted:
        says = f"Webhooks go to {url or 'nobody'}, and WebhookUrl is {wanted or 'empty'}."
        raise WrongError(says, DEPLOY)
    if not url:
        return "none are sent"
    queue = arn_of(stack, "WebhooksQueue")
    _filled(stack, queue)
    if trigger_states(stack, queue) != ["Enabled"]:
        says = "Nobody reads the webhooks' queue: they wait there."
        raise WrongError(says, f"Enable it: Lambda, {FUNCTION}, Configuration, Triggers.")
    _signed(stack, variables["WEBHOOK_SECRET_ARN"])
    host = urlsplit(url).hostname or ""
    try:
        found = addresses_of(host, 443, allow_loopback=stack.local)
    except UnreachableError as error:
        says = f"Webhooks cannot be posted to {host}: {error}."
        raise WrongError(says, "Mend its DNS, or deploy with another WebhookUrl.") from error
    return f"they go to {host}, at {', '.join(found)}"


def _filled(stack: Stack, queue: str) -> None:
    rule, bus = stack.resource("TellWebhooks").rpartition("|")[2], stack.output("EventBus")
    events = stack.client("events")
    state = events.describe_rule(Name=rule, EventBusName=bus)["State"]
    if state != "ENABLED":
        says = "The rule TellWebhooks is disabled: events do not reach the webhooks' queue."
        raise WrongError(says, f"Enable it: EventBridge, Rules, the bus {bus}.")
    targets = events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
    if queue not in [target["Arn"] for target in targets]:
        says = "The rule TellWebhooks does not lead to the webhooks' queue: events do not reach it."
        raise WrongError(says, DEPLOY)


def _signed(stack: Stack, name: str) -> None:
    secret = stack.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    try:
        keys_of(secret)
    except ValueError as error:
        raise WrongError(
            f"{error} No webhook can be signed.", "See docs/webhooks.md, Rotate the secret."
        ) from error
