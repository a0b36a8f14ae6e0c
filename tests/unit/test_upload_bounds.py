"""What the template allows fits what S3 takes, and what we sign."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from attachments.model import FileType
from attachments.settings import MEGABYTE
from functions.issue_upload.deadline import LONGEST_UPLOAD, SLOW_UPLOAD
from functions.issue_upload.parts import MAX_PARTS, MIN_PART_BYTES, part_size
from local.template import load

S3_LARGEST_PUT = 5 * 2**30  # also of CopyObject (S3 guide, "Uploading objects")
LISTED_PARTS = 1000  # by one ListParts, which is signed without a marker
TEMPLATE: dict[str, Any] = load(Path(__file__).parents[2] / "template.yaml")
LIMITS = [f"Max{kind.capitalize()}Megabytes" for kind in FileType]


@pytest.mark.parametrize("name", LIMITS)
def test_the_largest_file_goes_up_and_is_copied_in_one_piece_or_in_parts(name: str) -> None:
    largest = TEMPLATE["Parameters"][name]["MaxValue"] * MEGABYTE
    assert largest <= S3_LARGEST_PUT
    assert part_size(largest) == MIN_PART_BYTES
    assert -(-largest // part_size(largest)) <= min(LISTED_PARTS, MAX_PARTS)


def test_an_upload_in_parts_ends_before_the_bucket_aborts_it() -> None:
    rules = TEMPLATE["Resources"]["Files"]["Properties"]["LifecycleConfiguration"]["Rules"]
    [days] = [
        rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        for rule in rules
        if "AbortIncompleteMultipartUpload" in rule
    ]
    assert timedelta(days=days) > LONGEST_UPLOAD + SLOW_UPLOAD
