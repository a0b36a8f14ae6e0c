"""The template, transformed as CloudFormation would, and its intrinsic functions resolved."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.credentials import Credentials
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ACCOUNT = "123456789012"
REGION = "us-east-1"
STACK_NAME = "offchat-local"
CREDENTIALS = Credentials("LOCALACCESSKEY", "local-secret-access-key")
SESSION = boto3.Session(CREDENTIALS.access_key, CREDENTIALS.secret_key, region_name=REGION)
NO_VALUE = object()
PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::StackName": STACK_NAME,
    "AWS::Partition": "aws",
    "AWS::NoValue": NO_VALUE,
}


class TemplateError(Exception):
    """The template says something that the local stack cannot do; the message names it."""


def load(path: Path) -> dict[str, Any]:
    """The template as written, short forms (`!Ref`) spelled out. Raises TemplateError."""
    try:
        document = yaml_parse(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise TemplateError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(document, dict) or "Resources" not in document:
        raise TemplateError(f"{path.name} has no Resources.")
    return document


def transform(
    template: dict[str, Any], parameters: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What AWS makes of the serverless resources: functions, roles, routes, mappings, rules.

    `parameters` replace defaults: the translator itself resolves some references to them.
    """
    values = parameter_values(template, parameters or {})
    for resource in template["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://local/code"
    translator = Translator({}, Parser(), boto_session=SESSION)
    try:
        transformed: dict[str, Any] = translator.translate(template, values)
    except Exception as error:
        raise TemplateError(f"The template cannot be transformed: {error}") from error
    return transformed


def parameter_values(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The value of each parameter, by default the template's own. Raises TemplateError."""
    values: dict[str, Any] = {}
    parameters = template.get("Parameters", {})
    for name in given:
        if name not in parameters:
            raise TemplateError(f"The template has no parameter {name}.")
    for name, declared in parameters.items():
        value = given.get(name, declared.get("Default"))
        if value is None:
            raise TemplateError(f"The parameter {name} has neither a value nor a default.")
        is_list = declared["Type"] == "CommaDelimitedList"
        values[name] = [part.strip() for part in value.split(",")] if is_list else str(value)
    return values


class Resolver:
    """Resolves references and conditions of a transformed template.

    `known` maps (name, attribute) of parameters and resources to a value; the attribute is "Ref"
    for a plain Ref. Whoever names a resource adds it there.
    """

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        values = PSEUDO_PARAMETERS | parameter_values(template, parameters)
        self.known: dict[tuple[str, str], Any] = {
            (name, "Ref"): value for name, value in values.items()
        }
        self._conditions = template.get("Conditions", {})

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic function replaced. Raises TemplateError."""
        if isinstance(value, list):
            resolved = [self.resolve(inner) for inner in value]
            return [inner for inner in resolved if inner is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        entries = {name: self.resolve(inner) for name, inner in value.items()}
        return {name: inner for name, inner in entries.items() if inner is not NO_VALUE}

    def holds(self, condition: str | None) -> bool:
        """Whether a condition of the template is true; no condition always is."""
        return condition is None or self.resolve(self._conditions[condition])

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._value(argument, "Ref")
        if name == "Fn::GetAtt":
            return self._value(*argument)
        if name == "Fn::Sub":
            text, given = argument if isinstance(argument, list) else (argument, {})
            for variable, value in self.resolve(given).items():
                text = text.replace(f"${{{variable}}}", value)
            return re.sub(r"\$\{([^}!]+)\}", self._substitute, text)
        if name == "Fn::If":
            condition, yes, no = argument
            return self.resolve(yes if self.holds(condition) else no)
        if name == "Fn::Equals":
            left, right = self.resolve(argument)
            return left == right
        if name == "Fn::Not":
            [condition] = self.resolve(argument)
            return not condition
        raise TemplateError(f"The local stack does not know {name} of {argument}.")

    def _substitute(self, match: re.Match[str]) -> str:
        name, _, attribute = match[1].partition(".")
        return str(self._value(name, attribute or "Ref"))

    def _value(self, name: str, attribute: str) -> Any:
        try:
            return self.known[name, attribute]
        except KeyError:
            raise TemplateError(f"The local stack has no {name}.{attribute}.") from None
