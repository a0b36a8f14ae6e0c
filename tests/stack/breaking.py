"""Ways to break a stack that several tests need; each is mended when its context ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from deployment import stacks


@contextmanager
def setting(stack: stacks.Stack, functions: tuple[str, ...], **variables: str) -> Iterator[None]:
    """Environment variables of functions, put back afterwards."""
    client, before = stack.client("lambda"), {}
    for function in functions:
        name = stack.resource(function)
        known = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        before[name] = known
        client.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**known, **variables}}
        )
    try:
        yield
    finally:
        for name, known in before.items():
            client.update_function_configuration(
                FunctionName=name, Environment={"Variables": known}
            )


@contextmanager
def trigger_off(stack: stacks.Stack, queue: str) -> Iterator[None]:
    """The queue, by its name in the template, is read no more."""
    client = stack.client("lambda")
    [mapping] = [
        each
        for each in client.list_event_source_mappings()["EventSourceMappings"]
        if each["EventSourceArn"].endswith(f"-{queue}")
    ]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@contextmanager
def another_secret(stack: stacks.Stack, name: str, value: str) -> Iterator[None]:
    """A secret, by its name in the template, has another value."""
    secrets, secret = stack.client("secretsmanager"), stack.resource(name)
    known = secrets.get_secret_value(SecretId=secret)["SecretString"]
    secrets.put_secret_value(SecretId=secret, SecretString=value)
    try:
        yield
    finally:
        secrets.put_secret_value(SecretId=secret, SecretString=known)
