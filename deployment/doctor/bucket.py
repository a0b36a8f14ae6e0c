"""The bucket: CORS, events, public access, lifecycle, versions."""

from typing import Any

from botocore.exceptions import ClientError

from deployment.doctor.checks import WrongError
from deployment.stacks import Stack

METHODS = {"GET", "PUT", "POST", "DELETE", "HEAD"}
EXPOSED = {"etag", "location", "x-amz-version-id"}
BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
PREFIX = "uploads/"
DEPLOY = "Deploy the template again; somebody changed the bucket by hand."


def cors(stack: Stack) -> str:
    """Browsers may send to the bucket and read what its answers tell."""
    rules = _asked(stack, "get_bucket_cors", "CORSRules") or []
    for origin in stack.parameters.get("AllowedOrigins", "").split(","):
        rule = next((rule for rule in rules if origin in rule.get("AllowedOrigins", [])), None)
        if rule is None:
            says = f"The bucket's CORS does not allow {origin}: browsers there cannot upload."
            raise WrongError(says, DEPLOY)
        if lacking := METHODS - set(rule.get("AllowedMethods", [])):
            says = f"The bucket's CORS does not allow {', '.join(sorted(lacking))} from {origin}."
            raise WrongError(says, DEPLOY)
        exposed = {name.lower() for name in rule.get("ExposeHeaders", [])}
        if lacking := EXPOSED - exposed:
            says = f"Browsers may not read {', '.join(sorted(lacking))}: uploads in parts fail."
            raise WrongError(says, DEPLOY)
    return f"browsers of {stack.parameters.get('AllowedOrigins')} may upload"


def events(stack: Stack) -> str:
    """New uploads are told to the queue."""
    asked = stack.client("s3").get_bucket_notification_configuration(Bucket=stack.output("Bucket"))
    queue = arn_of(stack, "UploadsQueue")
    for each in asked.get("QueueConfigurations", []):
        rules = each.get("Filter", {}).get("Key", {}).get("FilterRules", [])
        prefixes = [rule["Value"] for rule in rules if rule["Name"].lower() == "prefix"]
        created = any(event.startswith("s3:ObjectCreated") for event in each["Events"])
        if each["QueueArn"] == queue and created and prefixes == [PREFIX]:
            return f"new objects below {PREFIX} are told to the queue"
    says = "The bucket tells the queue nothing of new uploads: they stay pending."
    raise WrongError(says, DEPLOY)


def lifecycle(stack: Stack) -> str:
    """Leftovers of uploads in parts and old versions go; what is served never does."""
    rules = [
        rule
        for rule in _asked(stack, "get_bucket_lifecycle_configuration", "Rules") or []
        if rule["Status"] == "Enabled"
    ]
    if any({"Days", "Date"} & set(rule.get("Expiration", {})) for rule in rules):
        says = "A lifecycle rule deletes files that are served."
        raise WrongError(says, "Remove the rule at once, then look at `make doctor` for the drift.")
    if not any("AbortIncompleteMultipartUpload" in rule for rule in rules):
        raise WrongError("Uploads in parts that were given up are kept and billed.", DEPLOY)
    if not any("NoncurrentVersionExpiration" in rule for rule in rules):
        raise WrongError("Old versions are kept and billed for ever.", DEPLOY)
    return "old versions and given up parts go, nothing else does"


def private(stack: Stack) -> str:
    """No policy and no ACL can make the files public."""
    blocks = _asked(stack, "get_public_access_block", "PublicAccessBlockConfiguration") or {}
    if lacking := [name for name in BLOCKS if not blocks.get(name)]:
        says = f"The bucket may be made public: {', '.join(lacking)} is off."
        raise WrongError(says, DEPLOY)
    return "the bucket cannot be made public"


def versions(stack: Stack) -> str:
    asked = stack.client("s3").get_bucket_versioning(Bucket=stack.output("Bucket"))
    if asked.get("Status") != "Enabled":
        says = "The bucket keeps no versions: an upload could be overwritten after its inspection."
        raise WrongError(says, DEPLOY)
    return "the bucket keeps versions"


def _asked(stack: Stack, call: str, key: str) -> Any:
    """What a call answers, None where nothing is configured."""
    try:
        return getattr(stack.client("s3"), call)(Bucket=stack.output("Bucket")).get(key)
    except ClientError as error:
        if error.response["Error"]["Code"].startswith("NoSuch"):
            return None
        raise


def arn_of(stack: Stack, output: str) -> str:
    answer = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.output(output), AttributeNames=["QueueArn"]
    )
    return str(answer["Attributes"]["QueueArn"])
