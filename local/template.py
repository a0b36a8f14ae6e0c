"""The template, transformed as CloudFormation would, and its intrinsic functions resolved."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ACCOUNT = "123456789012"
REGION = "us-east-1"
STACK_NAME = "offchat-local"
NO_VALUE = object()
SHORT_FORMS = {"Ref": "Ref", "Condition": "Condition"}


class TemplateError(Exception):
    """The template says something that the local stack cannot do; the message names it."""


def load(path: Path) -> dict[str, Any]:
    """The template as written, short forms (`!Ref`) spelled out. Raises TemplateError."""
    try:
        document = yaml.load(path.read_text(), _Loader)  # noqa: S506 a SafeLoader
    except (OSError, yaml.YAMLError) as error:
        raise TemplateError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(document, dict) or "Resources" not in document:
        raise TemplateError(f"{path.name} has no Resources.")
    return document


def transform(template: dict[str, Any]) -> dict[str, Any]:
    """What AWS makes of the serverless resources: functions, roles, routes, mappings, rules."""
    for resource in template["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://local/code"
    session = boto3.Session(region_name=REGION)
    translator = Translator({}, Parser(), boto_session=session)
    try:
        transformed: dict[str, Any] = translator.translate(template, {})
    except Exception as error:
        raise TemplateError(f"The template cannot be transformed: {error}") from error
    return transformed


class Resolver:
    """Resolves parameters, conditions and references of a transformed template.

    `physical` maps (logical id, attribute) to a value; the attribute is "Ref" for a plain Ref.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, Any],
        physical: dict[tuple[str, str], Any],
    ) -> None:
        declared = template.get("Parameters", {})
        unknown = set(parameters) - set(declared)
        if unknown:
            raise TemplateError(f"The template has no parameter {', '.join(sorted(unknown))}.")
        self.parameters = {
            name: _value(parameters.get(name, declaration.get("Default")), declaration["Type"])
            for name, declaration in declared.items()
        }
        self._conditions = template.get("Conditions", {})
        self.physical = physical
        self._pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::StackName": STACK_NAME,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NO_VALUE,
        }

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic function replaced. Raises TemplateError."""
        if isinstance(value, list):
            resolved = [self.resolve(inner) for inner in value]
            return [inner for inner in resolved if inner is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name.startswith("Fn::"):
                return self._call(name, argument)
        entries = {name: self.resolve(inner) for name, inner in value.items()}
        return {name: inner for name, inner in entries.items() if inner is not NO_VALUE}

    def holds(self, condition: str | None) -> bool:
        """Whether a condition of the template is true; no condition always is."""
        if condition is None:
            return True
        return bool(self._test(self._conditions[condition]))

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Fn::GetAtt":
            logical_id, attribute = argument
            return self._attribute(logical_id, attribute)
        if name == "Fn::Sub":
            return re.sub(r"\$\{([^}!]+)\}", self._substitute, argument)
        if name == "Fn::If":
            condition, yes, no = argument
            return self.resolve(yes if self.holds(condition) else no)
        if name == "Fn::Join":
            separator, parts = argument
            return separator.join(str(part) for part in self.resolve(parts))
        raise TemplateError(f"The local stack does not know {name}.")

    def _substitute(self, match: re.Match[str]) -> str:
        logical_id, _, attribute = match[1].partition(".")
        value = self._attribute(logical_id, attribute) if attribute else self._ref(logical_id)
        return str(value)

    def _ref(self, name: str) -> Any:
        for known in (self.parameters, self._pseudo):
            if name in known:
                return known[name]
        return self._attribute(name, "Ref")

    def _attribute(self, logical_id: str, attribute: str) -> Any:
        try:
            return self.physical[logical_id, attribute]
        except KeyError:
            raise TemplateError(f"The local stack has no {logical_id}.{attribute}.") from None

    def _test(self, test: Any) -> Any:
        if isinstance(test, dict) and len(test) == 1:
            [(name, argument)] = test.items()
            if name == "Condition":
                return self.holds(argument)
            if name == "Fn::Equals":
                left, right = argument
                return self.resolve(left) == self.resolve(right)
            if name == "Fn::Not":
                return not self._test(argument[0])
            if name in ("Fn::And", "Fn::Or"):
                results = [bool(self._test(inner)) for inner in argument]
                return all(results) if name == "Fn::And" else any(results)
        raise TemplateError(f"The local stack does not know the condition {test}.")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {SHORT_FORMS.get(suffix, f"Fn::{suffix}"): value}


_Loader.add_multi_constructor("!", _short_form)


def _value(value: Any, kind: str) -> Any:
    if value is None:
        raise TemplateError("A parameter has neither a value nor a default.")
    if kind == "CommaDelimitedList":
        return [part.strip() for part in str(value).split(",")]
    return str(value)
