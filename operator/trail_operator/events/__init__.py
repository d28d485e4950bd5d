"""The event queue: receives events of CloudTrail from SQS. Knows nothing of Trails."""
