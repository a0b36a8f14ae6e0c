"""Webhooks: that their queue is filled and read, that they are signed, and where they go."""

from urllib.parse import urlsplit

from deployment.doctor.bucket import arn_of
from deployment.doctor.checks import WrongError
from deployment.doctor.functions import DEPLOY
from deployment.stacks import Stack
from functions.deliver_webhooks.addresses import UnreachableError, addresses_of
from functions.deliver_webhooks.signing import keys_of

FUNCTION = "DeliverWebhooks"


def webhooks(stack: Stack) -> str:
    """Everything from the bus to the receiver's address; nothing is posted."""
    url = stack.variables(FUNCTION).get("WEBHOOK_URL", "")
    wanted = stack.parameters.get("WebhookUrl", "")
    if url != wanted:
        says = f"Webhooks go to {url or 'nobody'}, and WebhookUrl is {wanted or 'empty'}."
        raise WrongError(says, DEPLOY)
    if not url:
        return "none are sent"
    _filled(stack)
    _read(stack)
    _signed(stack)
    host = urlsplit(url).hostname or ""
    try:
        found = addresses_of(host, 443, allow_loopback=stack.local)
    except UnreachableError as error:
        says = f"Webhooks cannot be posted to {host}: {error}."
        raise WrongError(says, "Mend its DNS, or deploy with another WebhookUrl.") from error
    return f"they go to {host}, at {', '.join(found)}"


def _filled(stack: Stack) -> None:
    rule, bus = stack.resource("TellWebhooks").rpartition("|")[2], stack.output("EventBus")
    events, queue = stack.client("events"), arn_of(stack, "WebhooksQueue")
    state = events.describe_rule(Name=rule, EventBusName=bus)["State"]
    if state != "ENABLED":
        says = "The rule TellWebhooks is disabled: events do not reach the webhooks' queue."
        raise WrongError(says, f"Enable it: EventBridge, Rules, the bus {bus}.")
    targets = events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
    if queue not in [target["Arn"] for target in targets]:
        says = "The rule TellWebhooks does not lead to the webhooks' queue: events do not reach it."
        raise WrongError(says, DEPLOY)


def _read(stack: Stack) -> None:
    arn = arn_of(stack, "WebhooksQueue")
    asked = stack.client("lambda").list_event_source_mappings(EventSourceArn=arn)
    states = [each["State"] for each in asked["EventSourceMappings"]]
    if states != ["Enabled"]:
        says = "Nobody reads the webhooks' queue: they wait there."
        raise WrongError(says, f"Enable it: Lambda, {FUNCTION}, Configuration, Triggers.")


def _signed(stack: Stack) -> None:
    name = stack.variables(FUNCTION)["WEBHOOK_SECRET_ARN"]
    secret = stack.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    try:
        keys_of(secret)
    except ValueError as error:
        raise WrongError(
            f"{error} No webhook can be signed.", "See docs/webhooks.md, Rotate the secret."
        ) from error
