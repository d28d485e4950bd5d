"""Facts about AWS CloudTrail, each with its source, checked through boto3 against whatever endpoint a run is given."""
