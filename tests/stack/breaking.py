"""Ways to break a stack that several tests need; each is mended when its context ends."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from deployment import stacks
from deployment.doctor.bucket import arn_of


@contextmanager
def setting(stack: stacks.Stack, functions: tuple[str, ...], **variables: str) -> Iterator[None]:
    """Environment variables of functions, put back afterwards."""
    before = {function: stack.variables(function) for function in functions}

    def put(changed: Mapping[str, str]) -> None:
        for function, known in before.items():
            stack.client("lambda").update_function_configuration(
                FunctionName=stack.resource(function),
                Environment={"Variables": {**known, **changed}},
            )

    put(variables)
    try:
        yield
    finally:
        put({})


@contextmanager
def trigger_off(stack: stacks.Stack, queue: str) -> Iterator[None]:
    """The queue, by the name of its output, is read no more."""
    client = stack.client("lambda")
    asked = client.list_event_source_mappings(EventSourceArn=arn_of(stack, queue))
    [mapping] = asked["EventSourceMappings"]
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
