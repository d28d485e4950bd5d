"""Explains why AWS denies CloudTrail a bucket, a topic, a key or a log group's role, and what to add.

Pure: takes policies as text and returns verdicts as values. It does not read AWS, and does not set conditions.

Read in this order: `prescribed` (the statements that AWS prescribes), `requests` (what CloudTrail requests, with which
context), `needs` (the two together, for each policy), `document` (a parsed policy), `statements` and `conditions`
(whether a statement matches a request), `evaluation` (a whole policy against all requests), `judge` (one function per
kind of policy), `verdict` (what it returns) and `messages` (the sentences of a verdict).

For the command `policy`: `combined` (the statements that many trails need of one policy), `completion` (what a policy
lacks of them), `insertion` (adds statements to the text of a policy) and `size_limits`.
"""
