"""StartLogging, StopLogging and what GetTrailStatus tells of them."""

from tests.conformance.account import Account, Trail
from tests.conformance.facts import API, GUIDE, fact

STATUS = f"{API}/API_GetTrailStatus.html"
START = f"{API}/API_StartLogging.html"
STOP = f"{API}/API_StopLogging.html"


@fact(f"{GUIDE}/cloudtrail-create-and-update-a-trail-by-using-the-aws-cli-create-trail.html")
def test_a_trail_is_created_with_logging_off(aws: Account, trail: Trail) -> None:
    status = aws.eventually(lambda: aws.cloudtrail.get_trail_status(Name=trail.name))
    assert status["IsLogging"] is False


@fact(STATUS)
def test_a_trail_that_never_logged_has_no_times(aws: Account, trail: Trail) -> None:
    status = aws.eventually(lambda: aws.cloudtrail.get_trail_status(Name=trail.name))
    assert not {"StartLoggingTime", "StopLoggingTime", "LatestDeliveryTime"} & set(status)


@fact(STATUS)
def test_a_healthy_trail_has_no_errors(aws: Account, trail: Trail) -> None:
    status = aws.eventually(lambda: aws.cloudtrail.get_trail_status(Name=trail.name))
    assert not [name for name, value in status.items() if name.endswith("Error") and value]


@fact(START)
def test_logging_starts(aws: Account, quiet: Trail) -> None:
    aws.cloudtrail.start_logging(Name=quiet.name)
    aws.eventually(
        lambda: aws.cloudtrail.get_trail_status(Name=quiet.name),
        lambda status: status["IsLogging"] and "StartLoggingTime" in status,
    )


@fact(START)
def test_logging_starts_by_arn(aws: Account, quiet: Trail) -> None:
    aws.cloudtrail.start_logging(Name=quiet.arn)
    aws.eventually(lambda: aws.cloudtrail.get_trail_status(Name=quiet.arn), lambda status: status["IsLogging"])


@fact(START)
def test_starting_twice_is_no_error(aws: Account, quiet: Trail) -> None:
    aws.cloudtrail.start_logging(Name=quiet.name)
    aws.cloudtrail.start_logging(Name=quiet.name)


@fact(STOP)
def test_logging_stops(aws: Account, quiet: Trail) -> None:
    aws.cloudtrail.start_logging(Name=quiet.name)
    aws.cloudtrail.stop_logging(Name=quiet.name)
    status = aws.eventually(
        lambda: aws.cloudtrail.get_trail_status(Name=quiet.name),
        lambda status: not status["IsLogging"] and "StopLoggingTime" in status,
    )
    assert status["StopLoggingTime"] >= status["StartLoggingTime"]


@fact(STOP)
def test_stopping_what_does_not_log_is_no_error(aws: Account, trail: Trail) -> None:
    aws.cloudtrail.stop_logging(Name=trail.name)


@fact(f"{API}/API_UpdateTrail.html")
def test_an_update_needs_no_stop_and_keeps_logging(aws: Account, quiet: Trail) -> None:
    aws.cloudtrail.start_logging(Name=quiet.name)
    aws.cloudtrail.update_trail(Name=quiet.name, EnableLogFileValidation=True)
    aws.eventually(lambda: aws.cloudtrail.get_trail_status(Name=quiet.name), lambda status: status["IsLogging"])


@fact(f"{API}/API_GetTrailStatus.html")
def test_a_shadow_logs_when_the_trail_does(aws: Account, elsewhere: str) -> None:
    trail = aws.quiet(IsMultiRegionTrail=True)
    aws.cloudtrail.start_logging(Name=trail.arn)
    abroad = aws.client("cloudtrail", elsewhere)
    aws.eventually(lambda: abroad.get_trail_status(Name=trail.arn), lambda status: status["IsLogging"])


@fact("https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/cloudtrail/trail.go")
def test_a_trail_that_logs_can_be_deleted(aws: Account, quiet: Trail) -> None:
    aws.cloudtrail.start_logging(Name=quiet.name)
    aws.cloudtrail.delete_trail(Name=quiet.name)
