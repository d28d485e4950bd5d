"""Explains why AWS denies CloudTrail a bucket, a topic, a key or a log group's role, and what to add.

Pure: policies come in as text, verdicts go out as values. Nothing here reads AWS, and nothing here decides
what a Trail's conditions become.

Read in this order: `prescribed` (what AWS prescribes), `requests` (what CloudTrail requests, and with which
context), `document` (a parsed policy), `statements` and `conditions` (does a statement match a request),
`evaluation` (a whole policy against all requests), `judge` (one function for each kind of policy), `verdict`
(what it returns) and `messages` (its sentences).
"""
