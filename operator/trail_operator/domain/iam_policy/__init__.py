"""Explains why AWS denies CloudTrail a bucket, a topic, a key or a log group's role, and what to add.

Pure: takes policies as text and returns verdicts as values. It does not read AWS, and does not set conditions.

Read in this order: `prescribed` (the statements that AWS prescribes), `requests` (what CloudTrail requests, with which
context), `document` (a parsed policy), `statements` and `conditions` (whether a statement matches a request),
`evaluation` (a whole policy against all requests), `judge` (one function per kind of policy), `verdict` (what it
returns) and `messages` (the sentences of a verdict).
"""
