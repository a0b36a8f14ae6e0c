"""The template as it is deployed: transformed, conditions decided, references resolved.

A resource is known by its name in the template: `!Ref Files` is `Files`, `!GetAtt Files.Arn` is
`Files.Arn`, and `!Sub "${Files.Arn}/uploads/*"` is `Files.Arn/uploads/*`.
"""

from functools import cache
from pathlib import Path
from typing import Any

from local.template import Resolver, load, transform

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
Resource = dict[str, Any]


class _ByName(dict[tuple[str, str], Any]):
    def __missing__(self, key: tuple[str, str]) -> str:
        name, attribute = key
        return name if attribute == "Ref" else f"{name}.{attribute}"


@cache
def deployed(**parameters: str) -> dict[str, Resource]:
    """All resources by name, under these parameters and the defaults of the others."""
    transformed = transform(load(TEMPLATE), parameters)
    resolver = Resolver(transformed, parameters)
    resolver.known = _ByName(resolver.known)
    return {
        name: resolver.resolve({key: part for key, part in resource.items() if key != "Condition"})
        for name, resource in transformed["Resources"].items()
        if resolver.holds(resource.get("Condition"))
    }


def of_type(kind: str, **parameters: str) -> dict[str, Resource]:
    """The properties of the resources of a type, by name."""
    return {
        name: resource.get("Properties", {})
        for name, resource in deployed(**parameters).items()
        if resource["Type"] == kind
    }


def properties(name: str, **parameters: str) -> Resource:
    found: Resource = deployed(**parameters)[name]["Properties"]
    return found


def statements_of(policy: Resource) -> list[Resource]:
    """The statements of a policy document, actions and resources always as lists."""
    found = policy["Statement"]
    return [
        {**statement, "Action": as_list(statement["Action"]),
         "Resource": as_list(statement.get("Resource", []))}
        for statement in as_list(found)
    ]  # fmt: skip


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def role_statements(function: str, **parameters: str) -> list[Resource]:
    """What the role of a function allows inline."""
    role = properties(f"{function}Role", **parameters)
    return [
        statement
        for policy in role["Policies"]
        for statement in statements_of(policy["PolicyDocument"])
    ]
