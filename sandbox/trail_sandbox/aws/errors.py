"""Refusals in AWS's own words."""

from http import HTTPStatus


class AwsError(Exception):
    """An error that AWS answers with: its code as boto3 shows it, its message and its HTTP status."""

    def __init__(self, code: str, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = int(status)
