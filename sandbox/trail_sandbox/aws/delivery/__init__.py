"""CloudTrail's recording side: requests to the emulated AWS become log files, digests, notifications, log events."""
