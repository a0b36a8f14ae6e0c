"""What the template tells a function through its environment, checked once at the first use."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from attachments.model import FileType, Usage

MEGABYTE = 1024 * 1024


class TokenClaim(BaseModel):
    """A claim and the value that it must have (or contain, where the claim is a list)."""

    name: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "TokenClaim":
        """From `name=value`, as template parameters write it."""
        name, _, value = text.partition("=")
        return cls(name=name, value=value)


class Settings(BaseModel):
    """One field for each variable of `template.yaml`; the names are the same in lower case."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    bucket: str
    s3_public_endpoint: str = Field(
        default="", description="Where clients find S3, if not where we do: under `sam local`."
    )
    attachments_table: str
    chat_table: str
    activity_table: str
    guards_table: str
    counters_table: str

    token_issuer: str
    token_audience: str
    token_secret_arn: str = ""
    jwks_url: str = ""
    admin_claim: str = "role=admin"
    service_claim: str = "role=service"

    max_video_megabytes: int = Field(gt=0)
    max_image_megabytes: int = Field(gt=0)
    max_audio_megabytes: int = Field(gt=0)
    max_document_megabytes: int = Field(gt=0)
    max_other_megabytes: int = Field(gt=0)

    calls_per_minute: int = Field(gt=0)
    sign_calls_per_minute: int = Field(gt=0)
    uploads_per_minute: int = Field(gt=0)
    admin_calls_per_minute: int = Field(gt=0)
    max_pending_uploads: int = Field(gt=0)
    max_stored_megabytes: int = Field(gt=0)

    upload_url_seconds: int = Field(ge=60, le=3600)
    download_url_seconds: int = Field(ge=60, le=3600)
    tombstone_days: int = Field(gt=0)
    activity_days: int = Field(gt=0)

    def max_bytes(self, file_type: FileType) -> int:
        """The largest file of this type, in bytes."""
        megabytes: int = getattr(self, f"max_{file_type}_megabytes")
        return megabytes * MEGABYTE

    @property
    def max_usage(self) -> Usage:
        """What one user may hold."""
        return Usage(self.max_pending_uploads, self.max_stored_megabytes * MEGABYTE)

    @property
    def tombstone_life(self) -> timedelta:
        return timedelta(days=self.tombstone_days)

    @property
    def activity_life(self) -> timedelta:
        return timedelta(days=self.activity_days)


def read_settings(environment: dict[str, str]) -> Settings:
    """Settings from environment variables.

    Raises pydantic.ValidationError, naming each missing or wrong variable.
    """
    return Settings.model_validate({name.lower(): value for name, value in environment.items()})
