"""The functions: what feeds the inspector, its programs, and how tokens are verified."""

import subprocess
from pathlib import Path

import httpx

from deployment.doctor.bucket import arn_of
from deployment.doctor.checks import WrongError
from deployment.stacks import Stack

OF_THE_API = ("IssueUpload", "ServeAttachments", "SyncChat", "Report")
PARAMETERS = {
    "TOKEN_ISSUER": "TokenIssuer",
    "TOKEN_AUDIENCE": "TokenAudience",
    "JWKS_URL": "JwksUrl",
    "ADMIN_CLAIM": "AdminClaim",
    "SERVICE_CLAIM": "ServiceClaim",
}
TOKEN_SETTINGS = (*PARAMETERS, "TOKEN_SECRET_ARN")
SECRET_MIN = 32  # characters; RFC 7518, section 3.2: as long as the hash
TIMEOUT_S = 5
DEPLOY = "Deploy the template again; somebody changed the function by hand."


def queue(stack: Stack) -> str:
    """The queue of new uploads feeds the inspector."""
    states = trigger_states(stack, arn_of(stack, "UploadsQueue"))
    if not states:
        raise WrongError("Nothing reads the queue of new uploads: they stay pending.", DEPLOY)
    if states != ["Enabled"]:
        says = f"The inspector's trigger is {states[0].lower()}: uploads wait in the queue."
        raise WrongError(says, "Enable it: Lambda, InspectUpload, Configuration, Triggers.")
    return "the queue feeds the inspector"


def trigger_states(stack: Stack, queue: str) -> list[str]:
    """Of the triggers that read a queue, which is given by its ARN."""
    asked = stack.client("lambda").list_event_source_mappings(EventSourceArn=queue)
    return [each["State"] for each in asked["EventSourceMappings"]]


def programs(stack: Stack) -> str:
    """The inspector has its ffmpeg; that it runs on AWS, only the round trip shows."""
    asked = stack.configuration("InspectUpload")
    folder = Path(asked["Environment"]["Variables"].get("FFMPEG_DIR", ""))
    if not stack.local:
        if len(asked.get("Layers", [])) < 2:  # the core layer, and this one
            raise WrongError("The inspector has no ffmpeg layer: every video fails.", DEPLOY)
        return f"the inspector has {len(asked['Layers'])} layers"
    for name in ("ffprobe", "ffmpeg"):
        try:
            run = subprocess.run(  # noqa: S603 what the function runs, too
                [folder / name, "-version"], capture_output=True, timeout=TIMEOUT_S, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            says = f"{name} does not run ({folder / name}): every video fails."
            raise WrongError(says, "Build it: `make layer`, and start the stack again.") from error
    return run.stdout.decode().split(" Copyright")[0]


def tokens(stack: Stack) -> str:
    """All functions of the API verify tokens as the stack says, by a secret or by a key server."""
    found = {name: stack.variables(name) for name in OF_THE_API}
    for setting in TOKEN_SETTINGS:
        values = {variables.get(setting, "") for variables in found.values()}
        if len(values) > 1:
            says = f"The functions differ in {setting}: some refuse tokens that others take."
            raise WrongError(says, DEPLOY)
    variables = found[OF_THE_API[0]]
    for setting, parameter in PARAMETERS.items():
        if variables.get(setting, "") != (wanted := stack.parameters.get(parameter, "")):
            says = f"{setting} is {variables.get(setting, '')!r}, and {parameter} {wanted!r}."
            raise WrongError(says, DEPLOY)
    if variables.get("JWKS_URL"):
        return f"tokens of {variables['TOKEN_ISSUER']}, by the key server"
    if not variables.get("TOKEN_SECRET_ARN"):
        raise WrongError("There is neither a secret nor a key server: every token fails.", DEPLOY)
    if len(secret_of(stack)) < SECRET_MIN:
        says = f"The secret has fewer than {SECRET_MIN} characters: it can be guessed."
        raise WrongError(says, "Put a longer one there, and give it to the issuer of tokens.")
    return f"tokens of {variables['TOKEN_ISSUER']}, by the shared secret"


def key_server(stack: Stack) -> str:
    """The key server answers with keys that tokens can name."""
    address = stack.variables(OF_THE_API[0]).get("JWKS_URL")
    if not address:
        return "none is used"
    try:
        keys = httpx.get(address, timeout=TIMEOUT_S).raise_for_status().json()["keys"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        says = f"The key server {address} does not answer with keys: every token fails."
        raise WrongError(says, f"Look at the key server: {error}.") from error
    named = [key for key in keys if key.get("kid") and key.get("kty") in ("RSA", "EC")]
    if not named:
        says = f"The key server {address} has no RSA or EC key with a kid: every token fails."
        raise WrongError(says, "Publish the issuer's keys there.")
    return f"{len(named)} keys"


def secret_of(stack: Stack) -> str:
    """The secret that HS256 tokens are signed with."""
    name = stack.variables(OF_THE_API[0])["TOKEN_SECRET_ARN"]
    secrets = stack.client("secretsmanager")
    return str(secrets.get_secret_value(SecretId=name)["SecretString"])
