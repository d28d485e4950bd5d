"""Keeps AWS CloudTrail trails as their Trail resources say."""
