"""The stream of the records and the bus: nothing is lost on the way, and who may speak is named."""

from tests.template.deployed import of_type, properties, role_statements

DAY_S = 24 * 3600
MAPPING = "AnnounceChanged"


def test_the_stream_tells_what_each_record_was_and_what_it_became() -> None:
    streaming = {
        table: found["StreamSpecification"]
        for table, found in of_type("AWS::DynamoDB::Table").items()
        if "StreamSpecification" in found
    }
    assert streaming == {"Attachments": {"StreamViewType": "NEW_AND_OLD_IMAGES"}}


def test_a_batch_that_fails_comes_again_in_parts_and_is_told_when_it_is_given_up() -> None:
    mapping = properties(MAPPING)
    assert mapping["EventSourceArn"] == "Attachments.StreamArn"
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == "AnnounceDeadLetters.Arn"


def test_what_was_given_up_is_still_in_the_stream_for_half_a_day() -> None:
    """A stream keeps its records for a day; the queue is told only where they are (Lambda guide,
    "Retaining discarded records")."""
    assert properties(MAPPING)["MaximumRecordAgeInSeconds"] <= DAY_S // 2
    assert properties("AnnounceDeadLetters")["MessageRetentionPeriod"] > DAY_S


def test_only_announce_puts_events_and_on_this_bus_only() -> None:
    speaking = {
        function: [
            statement["Resource"]
            for statement in role_statements(function)
            if any(action.startswith("events:") for action in statement["Action"])
        ]
        for function in of_type("AWS::Lambda::Function")
    }
    assert {name: found for name, found in speaking.items() if found} == {
        "Announce": [["Events.Arn"]]
    }
